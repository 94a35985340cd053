import { allows, allowsAnywhere } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { Problem } from '#kernel/problem.ts'
import { actFor } from './accounts/standing.ts'
import { staffProblems } from './staff/problems.ts'
import { accountOfUser } from './users.ts'

/** A user whom the caller may see, and how much of what happened around them. */
export interface Seen {
  userId: string
  /** Only what happened in this account is the caller's to see; all of it when absent. */
  within?: string
}

/** Everybody sees themselves; others whom `users.read` covers. @throws problem `user.not_found` */
export async function seenUser(ctx: Context, userId: string): Promise<Seen> {
  const { actor } = ctx
  if ('userId' in actor && actor.userId === userId) return { userId }
  const accountId = await accountOfUser(ctx, userId)
  const acting = accountId === undefined ? undefined : await actingThere(ctx, accountId)
  const isOwn =
    acting !== undefined && 'standing' in acting.actor && acting.actor.standing === 'own'
  if (!acting || !allows(acting.actor, 'users.read')) throw staffProblems.notFound({ userId })
  if (allowsAnywhere(acting.actor, 'users.read')) return { userId }
  // Those who work beside a reseller's admin are none of its customers.
  if (isOwn) throw staffProblems.notFound({ userId })
  return { userId, within: acting.accountId }
}

async function actingThere(ctx: Context, accountId: string): Promise<Context | undefined> {
  try {
    return await actFor(ctx, accountId)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined
    throw error
  }
}
