import { allows } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import { requireVerifiedEmail } from '../email-verification.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { keyCreated, keyRevoked } from './events.ts'
import { makeRoom, insertKey } from './insert.ts'
import { checkScopes } from './scopes.ts'
import type { Made } from './present.ts'
import { keyProblems } from './problems.ts'
import type { CreateApiKey } from './schema.ts'
import type { ApiKeyRow } from './tables.ts'
import { chosenEnd, DEFAULT_LIFE_MS } from './term.ts'

const LIST = 'api-keys'

/** Whether the answer can be asked for again: the request carries an idempotency key. */
export interface Showing {
  again: boolean
}

/**
 * Makes a key that acts in the caller's name; announces `api_key.created`.
 *
 * @throws problem `request.invalid`, `key.scope_not_held`, `key.limit_reached` or `auth.email_not_verified`
 */
export async function createKey(
  tools: Tools,
  ctx: Context,
  { name, mode, scopes, allowedAddresses, expiresAt: wanted }: CreateApiKey,
  showing: Showing,
): Promise<Made> {
  const { userId: createdBy } = signedInActor(ctx)
  checkScopes(ctx.actor, scopes)
  await requireVerifiedEmail(tools, ctx)
  const expiresAt = chosenEnd(ctx, wanted, DEFAULT_LIFE_MS)
  return ctx.transaction(async (ctx) => {
    await makeRoom(ctx, 'counting')
    const facts = { name, mode, scopes, allowedAddresses, createdBy, expiresAt }
    const made = await insertKey(tools, ctx, facts, showing)
    await ctx.events.emit(keyCreated, {
      ...{ keyId: made.row.id, name, mode, scopes, allowedAddresses },
      expiresAt: expiresAt.toISOString(),
    })
    return made
  })
}

/** @throws problem `key.not_found`, also for a key of another account */
export async function getKey(ctx: Context, id: string): Promise<ApiKeyRow> {
  const row = await ctx.db
    .selectFrom('apiKeys')
    .selectAll()
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .executeTakeFirst()
  if (!row) throw keyProblems.notFound({ id })
  return row
}

/** The keys of the account, the newest first; those that ended are among them for 90 days. */
export async function listKeys(ctx: Context, { limit, cursor }: PageQuery) {
  const place = ctx.cursors.read(LIST, cursor)
  const rows = await ctx.db
    .selectFrom('apiKeys')
    .selectAll()
    .select(timeText('createdAt').as('createdAtText'))
    .where('accountId', '=', ctx.accountId)
    .$if(place !== undefined, (query) => query.where(olderThan('createdAt', 'id', place!)))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return cutPage(rows, limit, ({ createdAtText, id }) =>
    ctx.cursors.write(LIST, { time: createdAtText, id }),
  )
}

/**
 * Ends a key, here at once and elsewhere within 5 s; announces `api_key.revoked`, once however often it is asked.
 *
 * @throws problem `key.not_found` or `key.not_yours`
 */
export async function revokeKey(tools: Tools, ctx: Context, id: string): Promise<void> {
  const { userId } = signedInActor(ctx)
  const { createdBy, name } = await getKey(ctx, id)
  if (createdBy !== userId && !allows(ctx.actor, 'keys.revoke')) throw keyProblems.notYours()
  await ctx.transaction(async (ctx) => {
    const revoked = await ctx.db
      .updateTable('apiKeys')
      .set({ revokedAt: ctx.clock.now(), sealedKey: null })
      .where('id', '=', id)
      .where('accountId', '=', ctx.accountId)
      .where('revokedAt', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (revoked) await ctx.events.emit(keyRevoked, { keyId: id, name })
    ctx.afterCommit(() => tools.keyChanged(id))
  })
}

/** Ends every key that the person made, in the caller's transaction; announces `api_key.revoked` for each. */
export async function revokeKeysOf(tools: Tools, ctx: Context, userId: string): Promise<void> {
  const revoked = await ctx.db
    .updateTable('apiKeys')
    .set({ revokedAt: ctx.clock.now(), sealedKey: null })
    .where('createdBy', '=', userId)
    .where('revokedAt', 'is', null)
    .returning(['id', 'name', 'accountId'])
    .execute()
  for (const { id, name, accountId } of revoked) {
    await ctx.actingFor(accountId).events.emit(keyRevoked, { keyId: id, name })
    ctx.afterCommit(() => tools.keyChanged(id))
  }
}
