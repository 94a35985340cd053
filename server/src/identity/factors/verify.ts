import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import type { Tools } from '../tools.ts'
import { confirmEnrolment } from './enrol.ts'
import { finishSignIn } from './finish.ts'
import { byPasskey } from './passkeys/sign-in.ts'
import { byTotp } from './proof.ts'
import type { FinishedSignIn, VerifyFactor } from './schema.ts'

/**
 * Finishes a sign-in or, without one, confirms the app that the caller began to set up.
 *
 * @throws problem `auth.unauthenticated`, or what `finishSignIn` and `confirmEnrolment` throw
 */
export async function verifyFactor(
  tools: Tools,
  ctx: Context,
  { challengeId, code, passkey, rememberDevice }: VerifyFactor,
  client: Client,
): Promise<FinishedSignIn | { backupCodes: string[] }> {
  if (challengeId === undefined) return confirmEnrolment(tools, ctx, { code: code!, client })
  const proof = passkey ? byPasskey(passkey, { challengeId, client }) : byTotp(tools, code!)
  return finishSignIn(tools, ctx, { challengeId, proof, rememberDevice, client })
}
