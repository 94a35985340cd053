import type { Context } from '#kernel/context.ts'
import { markSteppedUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { isFresh } from './freshness.ts'
import { isOwn } from './link.ts'
import { AMR } from './newcomers.ts'
import { oauthProblems } from './problems.ts'
import { beginVisit, takeProof } from './visits.ts'

/**
 * Sends the caller to a provider that lets them sign in afresh.
 *
 * @throws problem `oauth.no_fresh_proof` for a provider that does not, `auth.too_many_attempts`, or what `find` and `beginVisit` throw
 */
export async function beginStepUp(
  tools: Tools,
  ctx: Context,
  { provider: id, browserHash }: { provider: string; browserHash: Buffer },
) {
  const provider = tools.providers.find(id)
  if (!provider.provesAgain) throw oauthProblems.noFreshProof({ provider: provider.name })
  const { userId, signInId } = signedInActor(ctx)
  await tools.attempts.take('provider_visit', userId)
  return beginVisit(tools, ctx, provider, { purpose: 'step_up', signInId, browserHash })
}

/**
 * Takes it as a fresh proof that the caller has just signed in at the provider, with an identity of theirs; counts for 5 minutes.
 * Announces `user.stepped_up`.
 *
 * @throws problem `oauth.code_invalid`, `oauth.not_linked`, `oauth.no_fresh_proof` or `auth.too_many_attempts`
 */
export async function stepUpByProvider(
  tools: Tools,
  ctx: Context,
  { code, browserHash }: { code: string; browserHash: Buffer | undefined },
): Promise<Date> {
  const { userId, signInId } = signedInActor(ctx)
  await tools.attempts.take('step_up', userId)
  const visit = await takeProof(ctx, code, { purpose: 'step_up', signInId, browserHash })
  const { name } = tools.providers.find(visit.provider)
  if (!(await isOwn(ctx, visit))) throw oauthProblems.notLinked({ provider: name })
  if (!isFresh(visit)) throw oauthProblems.noFreshProof({ provider: name })
  await tools.attempts.giveBack('step_up', userId)
  return markSteppedUp(ctx, AMR)
}
