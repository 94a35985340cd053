import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { shareRevoked } from './events.ts'
import { fenceGuests } from './fence.ts'
import type { TunnelParts } from './parts.ts'
import { changing, touch } from './revision.ts'
import { lockTunnels } from './status.ts'

/** Whose rights have changed: a person, in these accounts. */
export interface Departed {
  userId: string
  accounts: readonly string[]
}

/** Whoever was let in as who they are has to ask again, wherever that person may have been let in. */
export async function askAgain(
  ctx: Context,
  parts: Pick<TunnelParts, 'ring' | 'provenEmailKey'>,
  departed: Departed,
): Promise<void> {
  const email = (await parts.provenEmailKey(ctx, departed.userId)) ?? null
  await changing(ctx, parts, async (ctx, revision) => {
    const ids = await openTo(ctx, departed, email)
    await lockTunnels(ctx, ids)
    await sql`
      update tunnels set revision = ${revision},
        access = jsonb_set(access, '{generation}', to_jsonb((access ->> 'generation')::integer + 1))
      where id = any(${ids})`.execute(ctx.db)
  })
}

/** Tunnels that let the person in by name, by address or as a member of one of the accounts. */
async function openTo(
  { db }: Context,
  { userId, accounts }: Departed,
  emailKey: string | null,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from tunnels
    where deleted_at is null and account_id = any(${accounts}) and access ->> 'policy' = 'members'
    union
    select tunnel_id from tunnel_shares
    where user_id = ${userId} or email_key = ${emailKey} or grantee_account_id = any(${accounts})`.execute(
    db,
  )
  return rows.map(({ id }) => id)
}

type Grantee = { userId: string; emailKey: string | undefined } | { granteeAccountId: string }

/** Takes back what was shared with somebody who is no more. Announces `tunnel.share_revoked`. */
export async function endShares(
  ctx: Context,
  parts: Pick<TunnelParts, 'ring' | 'provenEmailKey'>,
  grantee: Grantee,
): Promise<void> {
  await changing(ctx, parts, async (ctx, revision) => {
    const rows = await ctx.db
      .deleteFrom('tunnelShares')
      .where((where) =>
        'granteeAccountId' in grantee
          ? where('granteeAccountId', '=', grantee.granteeAccountId)
          : where.or([
              where('userId', '=', grantee.userId),
              where('emailKey', '=', grantee.emailKey ?? ''),
            ]),
      )
      .returning(['id', 'tunnelId', 'kind'])
      .execute()
    for (const { id: shareId, tunnelId, kind } of rows) {
      await touch(ctx, tunnelId, revision)
      await fenceGuests(ctx, parts, tunnelId, revision)
      const { name, accountId } = await ctx.db
        .selectFrom('tunnels')
        .select(['name', 'accountId'])
        .where('id', '=', tunnelId)
        .executeTakeFirstOrThrow()
      const facts = { id: tunnelId, name, shareId, kind }
      await ctx.actingFor(accountId).events.emit(shareRevoked, facts)
    }
  })
}
