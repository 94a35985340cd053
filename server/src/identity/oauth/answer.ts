import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { oauthProblems } from './problems.ts'
import type { Purpose } from './tables.ts'
import { endVisit, keepProof, visitOf } from './visits.ts'

export interface Answer {
  /** As the configuration names the provider. */
  provider: string
  /** All that the provider sent along; members that came twice are lists. */
  query: Readonly<Record<string, unknown>>
  browserHash: Buffer | undefined
}

export interface Answered {
  purpose: Purpose
  /** Buys what the purpose says, once, for this browser. */
  code: string
  expiresAt: string
}

/**
 * Takes what a provider sends a browser back with, and trades it for a code. Nobody is signed in by it yet. Nothing is asked of the
 * provider before it is clear that this browser began the visit.
 *
 * @throws problem `oauth.provider_unknown`, or what `endVisit` and `identify` throw
 */
export async function takeAnswer(
  tools: Tools,
  ctx: Context,
  { provider: id, query, browserHash }: Answer,
): Promise<Answered> {
  const provider = tools.providers.find(id)
  const { state } = query
  if (typeof state !== 'string' || !browserHash) throw oauthProblems.answerRefused()
  const visit = await endVisit(ctx, { state, provider: id, browserHash })
  const { purpose } = visit
  const sent = visitOf(tools, ctx, provider, { state, purpose })
  const proof = await provider.identify(urlOf(sent.redirectUri, query), sent)
  return { purpose, ...(await keepProof(ctx, visit, proof)) }
}

function urlOf(redirectUri: string, query: Answer['query']): URL {
  const url = new URL(redirectUri)
  for (const [name, given] of Object.entries(query)) {
    for (const one of [given].flat()) url.searchParams.append(name, String(one))
  }
  return url
}
