import { allows } from '#access/index.ts'
import type { Actor, Context } from '#kernel/context.ts'
import { findStance } from './accounts/standing.ts'
import { whyEnded } from './keys/life.ts'

/** Who has begun something that goes on without asking again: a person, by a sign-in or by a key. */
export interface Beginner {
  accountId: string
  userId: string
  keyId?: string | undefined
  signInId?: string | undefined
}

/** Whether who has begun something in an account may still do it there, as the database says now. */
export async function mayStillAct(
  ctx: Context,
  beginner: Beginner,
  permission: string,
): Promise<boolean> {
  const actor = await actorNow(ctx, beginner)
  return actor !== undefined && allows(actor, permission)
}

async function actorNow(ctx: Context, beginner: Beginner): Promise<Actor | undefined> {
  const { accountId, userId, keyId, signInId } = beginner
  const user = await ctx.db
    .selectFrom('users')
    .select('platformRoles')
    .where('id', '=', userId)
    .where('status', '=', 'active')
    .executeTakeFirst()
  if (!user) return undefined
  const key = keyId === undefined ? undefined : await keyNow(ctx, keyId)
  if (keyId !== undefined && !key) return undefined
  if (signInId !== undefined && !(await isSignedIn(ctx, signInId))) return undefined
  const { platformRoles } = user
  const within = key && { within: key.accountId }
  const stance = await findStance(ctx.db, { userId, platformRoles, ...within }, accountId)
  if (!stance) return undefined
  const { roles, standing } = stance
  if (key && key.createdBy !== userId) return undefined
  return key
    ? { kind: 'key', keyId: keyId!, userId, accountId, roles, standing, scopes: key.scopes }
    : { kind: 'user', userId, accountId, roles, standing, signInId: signInId ?? '' }
}

async function keyNow({ db, clock }: Context, keyId: string) {
  const key = await db
    .selectFrom('apiKeys')
    .select(['accountId', 'createdBy', 'scopes', 'expiresAt', 'revokedAt', 'overlapEndsAt'])
    .where('id', '=', keyId)
    .executeTakeFirst()
  return key && whyEnded(key, clock.now()) === undefined ? key : undefined
}

async function isSignedIn({ db, clock }: Context, id: string): Promise<boolean> {
  const found = await db
    .selectFrom('signIns')
    .select('id')
    .where('id', '=', id)
    .where('revokedAt', 'is', null)
    .where('expiresAt', '>', clock.now())
    .executeTakeFirst()
  return found !== undefined
}
