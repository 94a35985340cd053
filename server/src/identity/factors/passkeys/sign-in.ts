import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import type { Client } from '../../client.ts'
import { letIn } from '../../login.ts'
import type { SignedIn } from '../../schema.ts'
import { presentSignIn } from '../../sign-ins.ts'
import type { Tools } from '../../tools.ts'
import { findUser } from '../../users.ts'
import { readChallenge } from '../challenges.ts'
import { lockFactors } from '../holding.ts'
import { factorProblems } from '../problems.ts'
import type { Proof } from '../proof.ts'
import type { PasskeyAnswer } from '../passkey-answer.ts'
import type { PasskeyRow } from '../tables.ts'
import { usePasskey } from './assertion.ts'
import { CEREMONY_MS, openCeremony } from './ceremonies.ts'
import { relyingParty } from './relying-party.ts'
import { ownPasskeys } from './service.ts'

/**
 * What a browser needs to ask for a passkey: any that it keeps for this host or, with the challenge of a sign-in, one of that person.
 *
 * @throws problem `factor.challenge_over` or `passkey.unavailable`
 */
export async function signInOptions(
  ctx: Context,
  { challengeId, client }: { challengeId?: string | undefined; client: Client },
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { id: rpID } = relyingParty(ctx.publicUrl)
  const asked = challengeId === undefined ? undefined : await askFor(ctx, challengeId, client)
  const ceremony = asked?.ceremony ?? ({ purpose: 'sign_in' } as const)
  const { generateAuthenticationOptions } = await import('@simplewebauthn/server')
  return generateAuthenticationOptions({
    ...{ rpID, timeout: CEREMONY_MS, allowCredentials: asked?.allowCredentials },
    challenge: await openCeremony(ctx, ceremony),
    userVerification: asked ? 'discouraged' : 'required',
  })
}

async function askFor(ctx: Context, challengeId: string, client: Client) {
  const { userId, challengeHash } = await readChallenge(ctx, challengeId, client)
  const passkeys = await ownPasskeys(ctx, userId)
  return {
    ceremony: { purpose: 'second_factor', boundTo: challengeHash.toString('hex') } as const,
    allowCredentials: passkeys.map(({ credentialId, transports }) => ({
      ...{ id: credentialId.toString('base64url'), transports },
    })),
  }
}

/** The answer of a passkey to the options that were made for this challenge. */
export function byPasskey(
  answer: PasskeyAnswer,
  { challengeId, client }: { challengeId: string; client: Client },
): Proof {
  return {
    method: 'passkey',
    isRight: async (ctx, { id: userId }) => {
      const boundTo = sha256(challengeId).toString('hex')
      const ceremony = { purpose: 'second_factor', boundTo } as const
      const use = { ceremony, userId, needsPerson: false, client }
      return (await usePasskey(ctx, answer, use)) !== undefined
    },
  }
}

/**
 * Signs a person in by a passkey alone, which has seen to it that it is them: no password and no second factor is asked for.
 *
 * @throws problem `passkey.refused` or `auth.too_many_attempts`
 */
export async function signInByPasskey(
  tools: Tools,
  ctx: Context,
  answer: PasskeyAnswer,
  client: Client,
): Promise<SignedIn> {
  await tools.attempts.takeFrom('second_factor', client.ipAddress)
  // A refusal is told after the transaction: what it noted must stay.
  const entered = await ctx.transaction(async (ctx) => {
    const use = { ceremony: { purpose: 'sign_in' }, needsPerson: true, client } as const
    const passkey = await usePasskey(ctx, answer, use)
    return passkey && enter(tools, ctx, passkey, client)
  })
  if (!entered) throw factorProblems.passkeyRefused()
  await tools.attempts.giveBackFrom('second_factor', client.ipAddress)
  return presentSignIn(tools, ctx, entered.user, entered.signIn)
}

async function enter(tools: Tools, ctx: Context, { userId }: PasskeyRow, client: Client) {
  await lockFactors(ctx, userId)
  const user = await findUser(ctx.db, 'id', userId)
  return user && letIn(tools, ctx, user, { amr: ['hwk', 'mfa'], client })
}
