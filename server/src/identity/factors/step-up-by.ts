import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import type { StepUp } from '../schema.ts'
import { markSteppedUp, stepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { strengthen } from './holding.ts'
import { byOwnPasskey } from './passkeys/step-up.ts'
import { byCode, withProof } from './proof.ts'

/**
 * Takes the password, a code of a second factor or a passkey as a fresh proof of who it is, for 5 minutes. A code and a passkey also settle
 * what a sign-in by password alone owes. Announces `user.stepped_up`.
 *
 * @throws what `stepUp` and `withProof` throw
 */
export async function stepUpBy(
  tools: Tools,
  ctx: Context,
  { password, code, passkey }: StepUp,
  client: Client,
): Promise<Date> {
  if (password !== undefined) return stepUp(tools, ctx, password)
  const { userId, signInId } = signedInActor(ctx)
  const proof = passkey ? byOwnPasskey(passkey, { signInId, client }) : byCode(tools, code!)
  const by = passkey ? 'hwk' : 'otp'
  const proving = { userId, proof, purpose: 'step_up', client } as const
  return withProof(tools, ctx, proving, async (ctx) => {
    await strengthen(tools, ctx, signInId, by)
    return markSteppedUp(ctx, by)
  })
}
