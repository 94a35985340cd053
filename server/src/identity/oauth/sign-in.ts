import { Problem } from '#kernel/problem.ts'
import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import { signInFailed } from '../events.ts'
import { demandFactor } from '../factors/demand.ts'
import { lockFactors } from '../factors/holding.ts'
import { noteUse } from '../factors/remembered.ts'
import type { SecondFactorRequired } from '../factors/schema.ts'
import { letIn } from '../login.ts'
import type { SignedIn } from '../schema.ts'
import { recordSignIn } from '../sign-in-records.ts'
import { presentSignIn } from '../sign-ins.ts'
import type { Tools } from '../tools.ts'
import { findUser, type UserRow } from '../users.ts'
import { isFresh } from './freshness.ts'
import { findIdentity, useIdentity } from './identities.ts'
import { AMR, welcome } from './newcomers.ts'
import { oauthProblems } from './problems.ts'
import type { LinkedIdentityRow } from './tables.ts'
import { type ProvenVisit, takeProof } from './visits.ts'

export interface ByCode {
  /** That the answer of the provider was traded for. */
  code: string
  browserHash: Buffer | undefined
  /** Of a device that was remembered. */
  rememberToken?: string | undefined
}

/**
 * Signs in whoever the provider has proven, or makes a user for them; a second factor is asked for as after a password. An address alone
 * never leads to a user that exists.
 *
 * @throws problem `oauth.code_invalid`, `oauth.not_admitted`, `oauth.address_in_use`, `oauth.address_missing`, `auth.sign_up_closed`,
 * `auth.sign_up_by_invitation` or `auth.too_many_attempts`
 */
export async function signInByProvider(
  tools: Tools,
  ctx: Context,
  { code, browserHash, rememberToken }: ByCode,
  client: Client,
): Promise<SignedIn | SecondFactorRequired> {
  await tools.attempts.takeFrom('sign_in', client.ipAddress)
  const visit = await takeProof(ctx, code, { purpose: 'sign_in', signInId: null, browserHash })
  const known = await findIdentity(ctx, visit.proof)
  const goOn = known
    ? await enter(tools, ctx, known, { visit, client, rememberToken })
    : await welcome(tools, ctx, visit, client)
  await tools.attempts.giveBackFrom('sign_in', client.ipAddress)
  return 'challengeId' in goOn ? goOn : presentSignIn(tools, ctx, goOn.user, goOn.signIn)
}

interface Entering {
  visit: ProvenVisit
  client: Client
  rememberToken?: string | undefined
}

async function enter(
  tools: Tools,
  ctx: Context,
  identity: LinkedIdentityRow,
  { visit, client, rememberToken }: Entering,
) {
  // A refusal is told after the transaction: what it noted must stay.
  const entered = await ctx.transaction(async (ctx) => {
    await lockFactors(ctx, identity.userId)
    const user = await findUser(ctx.db, 'id', identity.userId)
    if (!user || !(await useIdentity(ctx, identity, visit))) return oauthProblems.codeInvalid()
    if (user.status !== 'active') return refuse(ctx, user, client)
    const demand = await demandFactor(ctx, user, { amr: [AMR], client, rememberToken })
    if ('demanded' in demand) {
      await recordSignIn(ctx, user.id, 'second_factor_needed', client)
      return demand.demanded
    }
    const { amr, remembered } = demand
    const how = { amr, client, isFresh: isFresh(visit) }
    const entered = await letIn(tools, ctx, user, how)
    if (entered && remembered) await noteUse(ctx, remembered, entered.signIn.id)
    return entered ?? oauthProblems.codeInvalid()
  })
  if (entered instanceof Problem) throw entered
  return entered
}

async function refuse(ctx: Context, user: UserRow, client: Client): Promise<Problem> {
  const { id: userId, accountId } = user
  const fact = { reason: 'disabled', userId, ...client } as const
  await ctx.actingFor(accountId).events.emit(signInFailed, fact)
  await recordSignIn(ctx, userId, 'disabled', client)
  ctx.log.info({ reason: 'disabled', user: userId }, 'sign-in refused')
  return oauthProblems.notAdmitted()
}
