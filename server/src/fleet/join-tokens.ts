import { createHmac, randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import type { FleetParts } from './parts.ts'
import { problems } from './problems.ts'
import type { CreateJoinToken } from './schema.ts'
import type { JoinTokenRow } from './tables.ts'

/** Time for a machine to boot, with its provider having a bad day. */
const LAUNCH_TOKEN_MS = 2 * 60 * 60_000
const MOST_LISTED = 500

/** Makes a token that is shown this once; only its hash is kept. */
export async function createJoinToken(
  ctx: Context,
  input: CreateJoinToken,
): Promise<{ row: JoinTokenRow; token: string }> {
  const token = `join_${randomBytes(32).toString('base64url')}`
  const now = ctx.clock.now()
  const row = await ctx.db
    .insertInto('fleetJoinTokens')
    .values({
      ...{ id: ctx.newId('jtk'), tokenHash: sha256(token), name: input.name, createdAt: now },
      multiUse: input.multiUse,
      expiresAt: new Date(now.getTime() + input.expiresInMinutes * 60_000),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { row, token }
}

/**
 * The token of a machine that is being launched: the same each time, since a launch that is sent again must not differ. It makes the
 * node of this machine and no other.
 */
export async function tokenOfInstance(
  ctx: Context,
  { joinSecret }: FleetParts,
  instanceId: string,
): Promise<string> {
  const mac = createHmac('sha256', joinSecret).update(instanceId).digest('base64url')
  const token = `join_${mac}`
  const now = ctx.clock.now()
  const expiresAt = new Date(now.getTime() + LAUNCH_TOKEN_MS)
  await ctx.db
    .insertInto('fleetJoinTokens')
    .values({
      ...{ id: ctx.newId('jtk'), tokenHash: sha256(token), multiUse: false, instanceId, expiresAt },
      ...{ name: `launch of ${instanceId}`, createdAt: now },
    })
    .onConflict((it) => it.column('tokenHash').doUpdateSet({ expiresAt }))
    .execute()
  return token
}

/** Those that people have made and that have not expired. */
export function listJoinTokens(ctx: Context): Promise<JoinTokenRow[]> {
  return ctx.db
    .selectFrom('fleetJoinTokens')
    .selectAll()
    .where('instanceId', 'is', null)
    .where('expiresAt', '>', ctx.clock.now())
    .orderBy('createdAt', 'desc')
    .limit(MOST_LISTED)
    .execute()
}

/** Nodes that have joined with it stay. @throws problem `fleet.join_token_not_found` */
export async function deleteJoinToken(ctx: Context, id: string): Promise<void> {
  const deleted = await ctx.db
    .deleteFrom('fleetJoinTokens')
    .where('id', '=', id)
    .where('instanceId', 'is', null)
    .executeTakeFirst()
  if (deleted.numDeletedRows === 0n) throw problems.tokenNotFound({ id })
}

/**
 * Takes a token for the node with this certificate. A single-use token serves one certificate, which may come again: the answer to its
 * first join may have been lost.
 *
 * @throws problem `node.join_refused`, which does not tell why
 */
export async function redeemToken(
  ctx: Context,
  token: string,
  fingerprint: string,
): Promise<JoinTokenRow> {
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('fleetJoinTokens')
    .set({ usedByFingerprint: fingerprint, usedAt: now })
    .where('tokenHash', '=', sha256(token))
    .where('expiresAt', '>', now)
    .where((where) =>
      where.or([
        where('multiUse', '=', true),
        where('usedByFingerprint', 'is', null),
        where('usedByFingerprint', '=', fingerprint),
      ]),
    )
    .returningAll()
    .executeTakeFirst()
  if (!row) throw problems.joinRefused()
  return row
}

/** Deletes those that expired a day ago. */
export async function purgeTokens(ctx: Context): Promise<void> {
  const before = new Date(ctx.clock.now().getTime() - 24 * 60 * 60_000)
  await ctx.db.deleteFrom('fleetJoinTokens').where('expiresAt', '<', before).execute()
}
