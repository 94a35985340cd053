import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { actorId, type Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import { emailKey } from '#kernel/email-key.ts'
import { shared, shareRevoked } from './events.ts'
import { fenceGuests } from './fence.ts'
import { untilHeard } from './heard.ts'
import type { TunnelParts } from './parts.ts'
import { urlOfTunnel } from './present.ts'
import { problems } from './problems.ts'
import { findOwn } from './read.ts'
import { changing, touch } from './revision.ts'
import type { CreateShare, NewTunnelShare, TunnelShare } from './share-schema.ts'
import type { TunnelRow, TunnelShareRow } from './tables.ts'

const MOST_SHARES = 200
/** Of the query of a link, as relays take it. */
const LINK_PARAMETER = 'gantry_link'

/** The newest first. */
export async function listShares(ctx: Context, tunnelId: string): Promise<TunnelShare[]> {
  await findOwn(ctx, tunnelId)
  const rows = await ctx.db
    .selectFrom('tunnelShares')
    .selectAll()
    .where('tunnelId', '=', tunnelId)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(MOST_SHARES)
    .execute()
  return rows.map((row) => presentShare(ctx, row))
}

/**
 * Lets somebody in, or makes what lets its holder in; a secret is in this answer and nowhere else. Relays know of it then. Announces `tunnel.shared`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.share_exists`, `tunnel.too_many_shares`, `tunnel.grantee_unknown`, or
 * `tunnel.setting_unfit` for what visitors of TCP cannot show
 */
export async function shareTunnel(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  input: CreateShare,
): Promise<NewTunnelShare> {
  const grantee = await granteeOf(ctx, parts, input)
  const secret = makeSecret(input)
  const made = await changing(ctx, parts, async (ctx, revision) => {
    const tunnel = await findOwn(ctx, tunnelId)
    if (tunnel.kind === 'tcp' && secret !== undefined) {
      throw problems.unfit({ what: `share of the kind \`${input.kind}\`` })
    }
    const row = await insertShare(ctx, tunnel, input, {
      ...grantee,
      secretHash: secret === undefined ? null : sha256(secret),
    })
    await touch(ctx, tunnelId, revision)
    await announce(ctx, tunnel, row)
    return { ...presentShare(ctx, row), ...shownOnce(parts, tunnel, row, secret) }
  })
  await untilHeard(ctx, parts, tunnelId)
  return made
}

/** Of what lets its holder in, whoever that is. */
function makeSecret({ kind }: CreateShare): string | undefined {
  if (kind !== 'token' && kind !== 'link') return undefined
  return `${kind === 'token' ? 'gtt' : 'gtl'}_${randomBytes(32).toString('base64url')}`
}

type Grantee = Pick<TunnelShareRow, 'userId' | 'email' | 'emailKey' | 'granteeAccountId'>

const NOBODY: Grantee = { userId: null, email: null, emailKey: null, granteeAccountId: null }

/** By an address nobody learns whether it is somebody's. */
async function granteeOf(
  ctx: Context,
  { isThere }: Pick<TunnelParts, 'isThere'>,
  input: CreateShare,
): Promise<Grantee> {
  if (input.kind === 'account') {
    const { accountId } = input
    if (await isThere(ctx, { accountId })) return { ...NOBODY, granteeAccountId: accountId }
    throw problems.granteeUnknown({ what: 'account', id: accountId })
  }
  if (input.kind !== 'user') return NOBODY
  const { userId, email } = input
  if (userId !== undefined) {
    if (await isThere(ctx, { userId })) return { ...NOBODY, userId }
    throw problems.granteeUnknown({ what: 'user', id: userId })
  }
  const key = emailKey(email!)
  if (key === undefined) throw problems.granteeUnknown({ what: 'address', id: email })
  return { ...NOBODY, email: email!, emailKey: key }
}

async function insertShare(
  ctx: Context,
  { id: tunnelId }: TunnelRow,
  input: CreateShare,
  grantee: Grantee & Pick<TunnelShareRow, 'secretHash'>,
): Promise<TunnelShareRow> {
  const { rows } = await sql<{ shares: number }>`
    select count(*)::int as shares from tunnel_shares where tunnel_id = ${tunnelId}`.execute(ctx.db)
  if (rows[0]!.shares >= MOST_SHARES) throw problems.tooManyShares({ limit: MOST_SHARES })
  const now = ctx.clock.now()
  const { kind, label, expiresInSeconds: seconds } = input
  const row = await ctx.db
    .insertInto('tunnelShares')
    .values({
      ...{ ...grantee, id: ctx.newId('tsh'), tunnelId, kind, label: label ?? null },
      permission: 'permission' in input ? input.permission : 'use',
      expiresAt: seconds === undefined ? null : new Date(now.getTime() + seconds * 1000),
      ...{ createdBy: actorId(ctx.actor) ?? 'system', createdAt: now },
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (row) return row
  throw problems.shareExists({
    grantee: grantee.userId ?? grantee.email ?? grantee.granteeAccountId,
  })
}

async function announce(ctx: Context, { id, name }: TunnelRow, row: TunnelShareRow) {
  const { id: shareId, kind, permission, userId, email, granteeAccountId, expiresAt } = row
  await ctx.events.emit(shared, {
    ...{ id, name, shareId, kind, permission },
    ...(userId !== null && { userId }),
    ...(email !== null && { email }),
    ...(granteeAccountId !== null && { accountId: granteeAccountId }),
    ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
  })
}

function shownOnce(
  parts: TunnelParts,
  tunnel: TunnelRow,
  { kind }: TunnelShareRow,
  secret: string | undefined,
): Pick<NewTunnelShare, 'token' | 'url'> {
  if (secret === undefined) return {}
  if (kind === 'token') return { token: secret }
  return { url: `${urlOfTunnel(parts, tunnel)}/?${LINK_PARAMETER}=${secret}` }
}

/**
 * Takes a share back: relays let nobody in by it any more and cut what it has let in, and agents that held the tunnel by it hold it no more. Announces `tunnel.share_revoked`.
 *
 * @throws problem `tunnel.not_found` or `tunnel.share_not_found`
 */
export async function revokeShare(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  shareId: string,
): Promise<void> {
  await changing(ctx, parts, async (ctx, revision) => {
    const { id, name } = await findOwn(ctx, tunnelId)
    const row = await ctx.db
      .deleteFrom('tunnelShares')
      .where('id', '=', shareId)
      .where('tunnelId', '=', tunnelId)
      .returning('kind')
      .executeTakeFirst()
    if (!row) throw problems.shareNotFound({ id: shareId })
    await touch(ctx, tunnelId, revision)
    await fenceGuests(ctx, parts, tunnelId, revision)
    await ctx.events.emit(shareRevoked, { id, name, shareId, kind: row.kind })
  })
  await untilHeard(ctx, parts, tunnelId)
}

function presentShare({ clock }: Context, row: TunnelShareRow): TunnelShare {
  const { id, kind, permission, userId, email, granteeAccountId, label, expiresAt } = row
  return {
    ...{ id, kind, permission, createdBy: row.createdBy },
    ...(userId !== null && { userId }),
    ...(email !== null && { email }),
    ...(granteeAccountId !== null && { accountId: granteeAccountId }),
    ...(label !== null && { label }),
    ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
    expired: expiresAt !== null && expiresAt <= clock.now(),
    createdAt: row.createdAt.toISOString(),
  }
}
