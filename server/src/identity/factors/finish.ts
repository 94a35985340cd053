import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import { letIn } from '../login.ts'
import { presentSignIn, signAhead, type SignedAhead } from '../sign-ins.ts'
import type { SignInRow } from '../tables.ts'
import type { Tools } from '../tools.ts'
import type { UserRow } from '../users.ts'
import { countCodes, FEW_CODES } from './backup-codes.ts'
import { takeChallengeTry, useChallenge } from './challenges.ts'
import { factorProblems } from './problems.ts'
import { type Proof, withProof } from './proof.ts'
import { rememberDevice } from './remembered.ts'
import type { FinishedSignIn } from './schema.ts'
import type { SignInChallengeRow } from './tables.ts'

interface Finishing {
  challengeId: string
  rememberDevice?: boolean | undefined
  proof: Proof
  client: Client
}

/**
 * Finishes a sign-in whose password was right. The try counts before anything is looked at; of two at once, one is let in.
 *
 * @throws problem `factor.challenge_over` or what `withProof` throws
 */
export async function finishSignIn(
  tools: Tools,
  ctx: Context,
  { challengeId, proof, client, ...wish }: Finishing,
): Promise<FinishedSignIn> {
  const challenge = await takeChallengeTry(ctx, challengeId, client)
  const { userId, userVer: ver } = challenge
  const amr = [...challenge.amr, proof.method === 'passkey' ? 'hwk' : 'otp', 'mfa']
  // Before the factor counts: a code that was used up for nothing is gone.
  const ahead = await signAhead(tools, ctx, { userId, ver, amr })
  const proving = { userId, proof, purpose: 'sign_in', client } as const
  const passed = await withProof(tools, ctx, proving, async (ctx, user) => {
    const entered = await passChallenge(tools, ctx, challenge, user, { amr, client, ahead })
    const { rememberDevice } = wish
    const told = {
      ...(rememberDevice && (await remember(ctx, entered.user, entered.signIn))),
      ...(await warning(ctx, userId)),
    }
    return { ...entered, told }
  })
  return { ...(await presentSignIn(tools, ctx, passed.user, passed.signIn, ahead)), ...passed.told }
}

async function passChallenge(
  tools: Tools,
  ctx: Context,
  challenge: SignInChallengeRow,
  user: UserRow,
  how: { amr: string[]; client: Client; ahead: SignedAhead },
) {
  const same = user.ver === challenge.userVer
  const entered =
    same && (await useChallenge(ctx, challenge)) && (await letIn(tools, ctx, user, how))
  if (!entered) throw factorProblems.challengeOver()
  return entered
}

async function remember(ctx: Context, user: UserRow, signIn: SignInRow) {
  const { rememberToken, rememberedUntil } = await rememberDevice(ctx, user, signIn)
  return { rememberToken, rememberedUntil: rememberedUntil.toISOString() }
}

async function warning(ctx: Context, userId: string) {
  const backupCodesLeft = await countCodes(ctx, userId)
  return backupCodesLeft < FEW_CODES ? { backupCodesLeft } : {}
}
