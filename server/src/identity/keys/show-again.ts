import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { openSealed } from './insert.ts'
import type { Made } from './present.ts'
import { keyProblems } from './problems.ts'
import { getKey } from './service.ts'

/** So long a client that lost the answer may ask again. */
export const SHOWN_AGAIN_MS = 10 * 60 * 1000

/**
 * The key that an earlier request with the same idempotency key has made, for the person who sent that one.
 *
 * @throws problem `key.shown_before` for anybody else, and afterwards
 */
export async function showKeyAgain({ keyring }: Tools, ctx: Context, id: string): Promise<Made> {
  const row = await getKey(ctx, id)
  const { createdBy, createdAt, sealedKey } = row
  const inTime = ctx.clock.now().getTime() - createdAt.getTime() <= SHOWN_AGAIN_MS
  const isTheirs = createdBy === signedInActor(ctx).userId
  if (!sealedKey || !inTime || !isTheirs) throw keyProblems.shownBefore({ id })
  return { row, key: openSealed(keyring, id, sealedKey) }
}
