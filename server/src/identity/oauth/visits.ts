import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { oauthProblems } from './problems.ts'
import type { Proof, Provider, Visit } from './provider.ts'
import type { ProviderVisitRow, Purpose } from './tables.ts'

const TOKEN_BYTES = 32
export const VISIT_SECONDS = 10 * 60
export const CODE_SECONDS = 2 * 60

/** Why a browser goes to a provider; whoever links or proves something does it for the sign-in that they have. */
export interface Aim {
  purpose: Purpose
  signInId: string | null
  browserHash: Buffer
}

/**
 * Sends a browser to a provider: where to, and until when it may come back.
 *
 * @throws problem `oauth.provider_unavailable` or `oauth.provider_answer_invalid`
 */
export async function beginVisit(
  tools: Tools,
  ctx: Context,
  provider: Provider,
  aim: Aim,
): Promise<{ authorizationUrl: string; expiresAt: string }> {
  const state = randomBytes(TOKEN_BYTES).toString('base64url')
  const createdAt = ctx.clock.now()
  const expiresAt = new Date(createdAt.getTime() + VISIT_SECONDS * 1000)
  const url = await provider.authorizationUrl(visitOf(tools, ctx, provider, { state, ...aim }))
  await ctx.db
    .insertInto('providerVisits')
    .values({ ...aim, stateHash: sha256(state), provider: provider.id, createdAt, expiresAt })
    .execute()
  return { authorizationUrl: url.href, expiresAt: expiresAt.toISOString() }
}

/** What goes along with this state. Nothing of it is kept: only who holds our key and the state can make it again. */
export function visitOf(
  { keyring }: Tools,
  ctx: Context,
  { id }: Pick<Provider, 'id'>,
  { state, purpose }: { state: string; purpose: Purpose },
): Visit {
  const secret = (use: string) => keyring.mac(`provider ${use}`, state).toString('base64url')
  return {
    redirectUri: `${ctx.publicUrl}/api/v1/auth/oauth/${id}/callback`,
    ...{ state, verifier: secret('verifiers'), nonce: secret('nonces') },
    afresh: purpose === 'step_up',
  }
}

/**
 * The visit that this browser comes back from. Its state counts once; of two at once, one wins.
 *
 * @throws problem `oauth.answer_refused`
 */
export async function endVisit(
  ctx: Context,
  { state, provider, browserHash }: { state: string; provider: string; browserHash: Buffer },
): Promise<ProviderVisitRow> {
  const now = ctx.clock.now()
  const visit = await ctx.db
    .updateTable('providerVisits')
    .set({ answeredAt: now })
    .where('stateHash', '=', sha256(state))
    .where('browserHash', '=', browserHash)
    .where('provider', '=', provider)
    .where('answeredAt', 'is', null)
    .where('expiresAt', '>', now)
    .returningAll()
    .executeTakeFirst()
  if (!visit) throw oauthProblems.answerRefused()
  return visit
}

/** Keeps what the provider said for whoever shows the code: once, within 2 minutes. */
export async function keepProof(
  { db, clock }: Context,
  { stateHash }: ProviderVisitRow,
  proof: Proof,
): Promise<{ code: string; expiresAt: string }> {
  const code = randomBytes(TOKEN_BYTES).toString('base64url')
  const expiresAt = new Date(clock.now().getTime() + CODE_SECONDS * 1000)
  await db
    .updateTable('providerVisits')
    .set({ codeHash: sha256(code), proof: JSON.stringify(proof), expiresAt })
    .where('stateHash', '=', stateHash)
    .execute()
  return { code, expiresAt: expiresAt.toISOString() }
}

export interface ProvenVisit {
  provider: string
  proof: Proof
  /** When the browser was sent off. */
  begunAt: Date
}

/**
 * Uses the code up, whatever comes of it; of two at once, one wins.
 *
 * @throws problem `oauth.code_invalid`
 */
export async function takeProof(
  ctx: Context,
  code: string,
  {
    purpose,
    signInId,
    browserHash,
  }: Omit<Aim, 'browserHash'> & { browserHash?: Buffer | undefined },
): Promise<ProvenVisit> {
  if (!browserHash) throw oauthProblems.codeInvalid()
  const taken = await ctx.db
    .deleteFrom('providerVisits')
    .where('codeHash', '=', sha256(code))
    .where('browserHash', '=', browserHash)
    .where('purpose', '=', purpose)
    .where('signInId', 'is not distinct from', signInId)
    .where('expiresAt', '>', ctx.clock.now())
    .returning(['provider', 'proof', 'createdAt'])
    .executeTakeFirst()
  if (!taken?.proof) throw oauthProblems.codeInvalid()
  return { provider: taken.provider, proof: taken.proof, begunAt: taken.createdAt }
}
