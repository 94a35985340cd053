import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import type { UserRow } from '../users.ts'
import { openChallenge } from './challenges.ts'
import { heldBy, holdsAny, type Held } from './holding.ts'
import { findRemembered } from './remembered.ts'
import type { SecondFactorRequired } from './schema.ts'

/** What was right so far, and from where. */
interface FirstFactor {
  amr: string[]
  client: Client
  /** Of a device that was remembered. */
  rememberToken?: string | undefined
}

/** The way goes on with a second factor, or ends here with a sign-in that proves as much. */
type Demand = { demanded: SecondFactorRequired } | { amr: string[]; remembered?: string }

/** Asks for a second factor when the person has one, unless the device is remembered. */
export async function demandFactor(
  ctx: Context,
  user: UserRow,
  { amr, client, rememberToken }: FirstFactor,
): Promise<Demand> {
  const held = await heldBy(ctx, user.id)
  if (!holdsAny(held)) return { amr }
  const remembered = await findRemembered(ctx, user, rememberToken)
  if (remembered) return { amr: [...amr, 'mfa'], remembered }
  const { challengeId, expiresAt } = await openChallenge(ctx, user, { amr, client })
  return {
    demanded: {
      ...{ secondFactorRequired: true, challengeId },
      ...{ methods: methodsOf(held), expiresAt: expiresAt.toISOString() },
    },
  }
}

function methodsOf({ totp, passkeys, codesLeft }: Held): SecondFactorRequired['methods'] {
  return [
    ...(totp ? (['totp'] as const) : []),
    ...(passkeys > 0 ? (['passkey'] as const) : []),
    ...(codesLeft > 0 ? (['backup_code'] as const) : []),
  ]
}
