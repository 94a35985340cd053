import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import type { TunnelParts } from './parts.ts'
import { hostnameOf, urlOfTunnel } from './present.ts'
import type { SharedTunnel } from './share-schema.ts'
import type { TunnelShareRow } from './tables.ts'

/** Somebody who acts for an account. */
export interface Grantee {
  userId: string | undefined
  accountId: string
}

/** What lets the actor do something with a tunnel of others: of several shares, the widest. */
export function shareWith(
  ctx: Context,
  parts: Pick<TunnelParts, 'provenEmailKey'>,
  tunnelId: string,
): Promise<TunnelShareRow | undefined> {
  return shareFor(ctx, parts, granteeOf(ctx), tunnelId)
}

function granteeOf({ actor, accountId }: Context): Grantee {
  return { userId: 'userId' in actor ? actor.userId : undefined, accountId }
}

/** The same for anybody. */
export async function shareFor(
  ctx: Context,
  parts: Pick<TunnelParts, 'provenEmailKey'>,
  grantee: Grantee,
  tunnelId: string,
): Promise<TunnelShareRow | undefined> {
  return ctx.db
    .selectFrom('tunnelShares')
    .selectAll()
    .where('tunnelId', '=', tunnelId)
    .where(await isFor(ctx, parts, grantee))
    .orderBy(sql`case permission when 'manage' then 0 when 'read' then 1 else 2 end`)
    .orderBy('id')
    .executeTakeFirst()
}

/** The tunnels that others have shared with the actor or the account that they act for, the newest share first. */
export async function listShared(
  ctx: Context,
  parts: Pick<TunnelParts, 'domain' | 'urlOf' | 'provenEmailKey'>,
  { limit, cursor }: PageQuery,
) {
  const list = 'tunnels.shared'
  const place = ctx.cursors.read(list, cursor)
  const found = await ctx.db
    .selectFrom('tunnelShares')
    .innerJoin('tunnels', 'tunnels.id', 'tunnelShares.tunnelId')
    .select(['tunnels.id', 'name', 'tunnels.kind', 'port', 'status', 'tunnels.accountId'])
    .select(['tunnelShares.id as shareId', 'permission', 'expiresAt', 'tunnelShares.createdAt'])
    .select(timeText('tunnelShares.createdAt').as('createdText'))
    .where('deletedAt', 'is', null)
    .where(await isFor(ctx, parts, granteeOf(ctx)))
    .$if(place !== undefined, (rows) =>
      rows.where(olderThan('tunnelShares.createdAt', 'tunnelShares.id', place!)),
    )
    .orderBy('tunnelShares.createdAt', 'desc')
    .orderBy('tunnelShares.id', 'desc')
    .limit(limit + 1)
    .execute()
  const { rows, nextCursor } = cutPage(found, limit, ({ createdText, shareId }) =>
    ctx.cursors.write(list, { time: createdText, id: shareId }),
  )
  const items = rows.map(
    ({ id, name, kind, port, status, accountId, shareId, permission, ...times }): SharedTunnel => ({
      ...{ id, accountId, name, kind, status, shareId, permission },
      hostname: hostnameOf(parts, { name }),
      url: urlOfTunnel(parts, { name, kind, port }),
      sharedAt: times.createdAt.toISOString(),
      ...(times.expiresAt && { expiresAt: times.expiresAt.toISOString() }),
    }),
  )
  return { items, nextCursor }
}

/** Of shares that count now: whether they are for these, or for the account that they act for. */
async function isFor(
  ctx: Context,
  { provenEmailKey }: Pick<TunnelParts, 'provenEmailKey'>,
  { userId, accountId }: Grantee,
) {
  const email = userId === undefined ? undefined : await provenEmailKey(ctx, userId)
  return sql<boolean>`((tunnel_shares.expires_at is null or tunnel_shares.expires_at > ${ctx.clock.now()})
    and (tunnel_shares.user_id = ${userId ?? null} or tunnel_shares.email_key = ${email ?? null}
      or tunnel_shares.grantee_account_id = ${accountId}))`
}
