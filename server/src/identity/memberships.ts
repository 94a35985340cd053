import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { Problem } from '#kernel/problem.ts'
import { actFor } from './accounts/standing.ts'

/** Whether whoever is acting is a member of the account and could act for it now: one who owes it a second factor could not. */
export async function isMemberOf(ctx: Context, accountId: string): Promise<boolean> {
  try {
    const { actor } = await actFor(ctx, accountId)
    return actor.kind === 'user' && (actor.standing ?? 'own') === 'own' && actor.unfinished !== true
  } catch (error) {
    if (error instanceof Problem && error.code === httpProblems.noAccount.kind.code) return false
    throw error
  }
}
