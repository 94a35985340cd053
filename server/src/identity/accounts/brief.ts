import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { Tier } from '../tables.ts'

/** What each of these accounts is called and sold as, of deleted ones too. */
export async function briefAccounts(
  { db }: Context,
  accountIds: readonly string[],
): Promise<Map<string, { name: string; tier: Tier }>> {
  const rows = await db
    .selectFrom('accounts')
    .select(['id', 'name', 'tier'])
    .where('id', '=', sql<string>`any(${accountIds})`)
    .execute()
  return new Map(rows.map(({ id, ...brief }) => [id, brief]))
}

/** The tier of each of these accounts, of deleted ones too. */
export async function tiersOf(
  ctx: Context,
  accountIds: readonly string[],
): Promise<Map<string, Tier>> {
  const brief = await briefAccounts(ctx, accountIds)
  return new Map([...brief].map(([id, { tier }]) => [id, tier]))
}
