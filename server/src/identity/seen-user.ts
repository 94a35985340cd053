import { allows, allowsAnywhere } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { Problem } from '#kernel/problem.ts'
import { actFor } from './accounts/standing.ts'
import { staffProblems } from './staff/problems.ts'
import { accountOfUser } from './users.ts'

/** A user whom the caller may see. */
export interface Seen {
  userId: string
  isMe: boolean
  /** The caller, as they stand to the account of the user. */
  acting: Context
  /** Only what happened in this account is the caller's to see; all of it when absent. */
  within?: string
}

/** Everybody sees themselves, by their id or as `me`; and others whom `users.read` covers. @throws problem `user.not_found` */
export async function seenUser(ctx: Context, id: string): Promise<Seen> {
  const { actor } = ctx
  const own = 'userId' in actor ? actor.userId : undefined
  if (own !== undefined && (id === 'me' || id === own)) {
    return { userId: own, isMe: true, acting: ctx }
  }
  const acting = await actingThere(ctx, id)
  if (!acting || !allows(acting.actor, 'users.read')) throw staffProblems.notFound({ userId: id })
  const seen = { userId: id, isMe: false, acting }
  if (allowsAnywhere(acting.actor, 'users.read')) return seen
  const isBelow = 'standing' in acting.actor && acting.actor.standing === 'subtree'
  // A reseller's admin looks after those below, not after those beside.
  if (!isBelow) throw staffProblems.notFound({ userId: id })
  return { ...seen, within: acting.accountId }
}

async function actingThere(ctx: Context, userId: string): Promise<Context | undefined> {
  const accountId = await accountOfUser(ctx, userId)
  if (accountId === undefined) return undefined
  try {
    return await actFor(ctx, accountId)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined
    throw error
  }
}
