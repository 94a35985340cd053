import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import type { PasskeyCeremonyTable } from '../tables.ts'

const CHALLENGE_BYTES = 32
export const CEREMONY_MS = 5 * 60 * 1000

/** What a passkey is asked for, and for whom: the sign-in that registers or steps up, or the challenge of the one that awaits its second factor. */
export type Ceremony =
  | { purpose: 'sign_in' }
  | { purpose: Exclude<PasskeyCeremonyTable['purpose'], 'sign_in'>; boundTo: string }

/** Makes up what the passkey is to sign: it counts once, within 5 minutes. */
export async function openCeremony(
  ctx: Context,
  ceremony: Ceremony,
): Promise<Uint8Array<ArrayBuffer>> {
  const challenge = new Uint8Array(randomBytes(CHALLENGE_BYTES))
  await ctx.db
    .insertInto('passkeyCeremonies')
    .values({
      challengeHash: sha256(Buffer.from(challenge).toString('base64url')),
      purpose: ceremony.purpose,
      boundTo: 'boundTo' in ceremony ? ceremony.boundTo : null,
      expiresAt: new Date(ctx.clock.now().getTime() + CEREMONY_MS),
    })
    .execute()
  return challenge
}

/** The challenge that the answer is to, if it was made for this and not answered before. */
export async function takeCeremony(
  ctx: Context,
  clientDataJSON: string,
  ceremony: Ceremony,
): Promise<string | undefined> {
  const challenge = challengeIn(clientDataJSON)
  if (challenge === undefined) return undefined
  const boundTo = 'boundTo' in ceremony ? ceremony.boundTo : null
  const { numDeletedRows } = await ctx.db
    .deleteFrom('passkeyCeremonies')
    .where('challengeHash', '=', sha256(challenge))
    .where('purpose', '=', ceremony.purpose)
    .where('boundTo', 'is not distinct from', boundTo)
    .where('expiresAt', '>', ctx.clock.now())
    .executeTakeFirst()
  return numDeletedRows === 1n ? challenge : undefined
}

function challengeIn(clientDataJSON: string): string | undefined {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString())
    return typeof challenge === 'string' ? challenge : undefined
  } catch {
    return undefined
  }
}
