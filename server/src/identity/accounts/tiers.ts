import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { Tier } from '../tables.ts'

/** The tier of each of these accounts, of deleted ones too. */
export async function tiersOf(
  { db }: Context,
  accountIds: readonly string[],
): Promise<Map<string, Tier>> {
  const rows = await db
    .selectFrom('accounts')
    .select(['id', 'tier'])
    .where('id', '=', sql<string>`any(${accountIds})`)
    .execute()
  return new Map(rows.map(({ id, tier }) => [id, tier]))
}
