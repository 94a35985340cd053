import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import type { StepUp } from '../schema.ts'
import { markSteppedUp, stepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { strengthen } from './holding.ts'
import { byCode, withProof } from './proof.ts'

/**
 * Takes the password or a code of a second factor as a fresh proof of who it is, for 5 minutes. A code also settles what a sign-in by
 * password alone owes. Announces `user.stepped_up`.
 *
 * @throws what `stepUp` and `withProof` throw
 */
export async function stepUpBy(
  tools: Tools,
  ctx: Context,
  { password, code }: StepUp,
  client: Client,
): Promise<Date> {
  if (code === undefined) return stepUp(tools, ctx, password!)
  const { userId, signInId } = signedInActor(ctx)
  const proving = { userId, proof: byCode(tools, code), purpose: 'step_up', client } as const
  return withProof(tools, ctx, proving, async (ctx) => {
    await strengthen(tools, ctx, signInId, 'otp')
    return markSteppedUp(ctx, 'otp')
  })
}
