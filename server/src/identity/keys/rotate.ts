import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { keyRotated } from './events.ts'
import { insertKey, makeRoom } from './insert.ts'
import { whyEnded } from './life.ts'
import type { Made } from './present.ts'
import { keyProblems } from './problems.ts'
import type { RotateApiKey } from './schema.ts'
import { getKey, type Showing } from './service.ts'
import type { ApiKeyRow } from './tables.ts'
import { chosenEnd } from './term.ts'

/**
 * Makes a successor that can do the same; the key itself counts until the overlap ends. Of two at once, one wins. Announces
 * `api_key.rotated`.
 *
 * @throws problem `key.not_found`, `key.not_yours`, `key.wrong_state`, `key.limit_reached` or `request.invalid`
 */
export async function rotateKey(
  tools: Tools,
  ctx: Context,
  id: string,
  { overlapSeconds, expiresAt: wanted }: RotateApiKey,
  showing: Showing,
): Promise<Made> {
  const { userId } = signedInActor(ctx)
  return ctx.transaction(async (ctx) => {
    await makeRoom(ctx, 'replaced')
    const old = await getKey(ctx, id)
    // The successor acts in the name of the same person, so nobody else may get to see it.
    if (old.createdBy !== userId) throw keyProblems.notYours()
    refuseEnded(old, ctx.clock.now())
    const { name, mode, scopes, allowedAddresses, createdBy } = old
    const expiresAt = chosenEnd(ctx, wanted, old.expiresAt.getTime() - old.createdAt.getTime())
    const facts = { name, mode, scopes, allowedAddresses, createdBy, expiresAt }
    const made = await insertKey(tools, ctx, facts, showing)
    await replace(tools, ctx, { old, by: made.row, overlapMs: overlapSeconds * 1000 })
    return made
  })
}

function refuseEnded(key: ApiKeyRow, now: Date): void {
  const replaced = key.overlapEndsAt && `was replaced by ${key.replacedBy ?? 'another'} already`
  const why = replaced ?? whyEnded(key, now)
  if (why) throw keyProblems.wrongState({ why })
}

async function replace(
  tools: Tools,
  ctx: Context,
  { old, by, overlapMs }: { old: ApiKeyRow; by: ApiKeyRow; overlapMs: number },
): Promise<void> {
  const overlapEndsAt = new Date(ctx.clock.now().getTime() + overlapMs)
  const replaced = await ctx.db
    .updateTable('apiKeys')
    .set({ replacedBy: by.id, overlapEndsAt })
    .where('id', '=', old.id)
    .where('accountId', '=', ctx.accountId)
    .where('overlapEndsAt', 'is', null)
    .where('revokedAt', 'is', null)
    .returning('id')
    .executeTakeFirst()
  // Revoking waits for nobody.
  if (!replaced) throw keyProblems.wrongState({ why: 'was revoked' })
  const { name, scopes, allowedAddresses } = by
  await ctx.events.emit(keyRotated, {
    ...{ keyId: old.id, replacedBy: by.id, name, scopes, allowedAddresses },
    expiresAt: by.expiresAt.toISOString(),
    overlapEndsAt: overlapEndsAt.toISOString(),
  })
  ctx.afterCommit(() => tools.keyChanged(old.id))
}
