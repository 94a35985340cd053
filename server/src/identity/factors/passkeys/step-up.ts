import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import type { Context } from '#kernel/context.ts'
import type { Client } from '../../client.ts'
import { signedInActor } from '../../users.ts'
import type { Proof } from '../proof.ts'
import type { PasskeyAnswer } from '../passkey-answer.ts'
import { usePasskey } from './assertion.ts'
import { CEREMONY_MS, openCeremony } from './ceremonies.ts'
import { relyingParty } from './relying-party.ts'
import { ownPasskeys } from './service.ts'

/** What a browser needs to ask the signed-in person for a passkey of theirs. @throws problem `passkey.unavailable` */
export async function stepUpOptions(ctx: Context): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { id: rpID } = relyingParty(ctx.publicUrl)
  const { userId, signInId: boundTo } = signedInActor(ctx)
  const passkeys = await ownPasskeys(ctx, userId)
  const { generateAuthenticationOptions } = await import('@simplewebauthn/server')
  return generateAuthenticationOptions({
    ...{ rpID, timeout: CEREMONY_MS },
    allowCredentials: passkeys.map(({ credentialId, transports }) => ({
      ...{ id: credentialId.toString('base64url'), transports },
    })),
    challenge: await openCeremony(ctx, { purpose: 'step_up', boundTo }),
    userVerification: 'required',
  })
}

/** The answer of a passkey to the options that were made for this sign-in. It stands alone, so it must have seen that it is the person. */
export function byOwnPasskey(
  answer: PasskeyAnswer,
  { signInId, client }: { signInId: string; client: Client },
): Proof {
  return {
    method: 'passkey',
    isRight: async (ctx, { id: userId }) => {
      const ceremony = { purpose: 'step_up', boundTo: signInId } as const
      return (
        (await usePasskey(ctx, answer, { ceremony, userId, needsPerson: true, client })) !==
        undefined
      )
    },
  }
}
