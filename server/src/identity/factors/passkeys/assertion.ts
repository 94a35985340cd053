import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Context } from '#kernel/context.ts'
import type { Client } from '../../client.ts'
import { accountOfUser } from '../../users.ts'
import { passkeyRefused } from '../events.ts'
import type { PasskeyAnswer } from '../passkey-answer.ts'
import type { PasskeyRow } from '../tables.ts'
import { type Ceremony, takeCeremony } from './ceremonies.ts'
import { relyingParty } from './relying-party.ts'

interface Use {
  ceremony: Ceremony
  /** Whose it must be; anybody's when absent. */
  userId?: string
  /** Whether the authenticator must have seen the person, by PIN or finger, and not just somebody. */
  needsPerson: boolean
  client: Client
}

/**
 * The passkey that gave this answer, if the answer counts; its use is noted in the caller's transaction. An authenticator that says that
 * it has signed less often than it had before may be a copy: that is refused, and announced as `passkey.refused`.
 */
export async function usePasskey(
  ctx: Context,
  answer: PasskeyAnswer,
  { ceremony, userId, needsPerson, client }: Use,
): Promise<PasskeyRow | undefined> {
  const challenge = await takeCeremony(ctx, answer.response.clientDataJSON, ceremony)
  const passkey = await findByCredential(ctx, answer.id)
  if (challenge === undefined || !passkey || !isOwn(passkey, answer, userId)) return undefined
  const signCount = await verify(ctx, passkey, answer, { challenge, needsPerson })
  if (signCount === undefined) return refuse(ctx, passkey, 'signature', client)
  const counted = await countUse(ctx, passkey, signCount)
  return counted ? passkey : refuse(ctx, passkey, 'counter', client)
}

async function findByCredential(ctx: Context, id: string): Promise<PasskeyRow | undefined> {
  return ctx.db
    .selectFrom('passkeys')
    .selectAll()
    .where('credentialId', '=', Buffer.from(id, 'base64url'))
    .executeTakeFirst()
}

function isOwn(passkey: PasskeyRow, { response }: PasskeyAnswer, userId?: string): boolean {
  const handle = response.userHandle
  const named = handle ? Buffer.from(handle, 'base64url').toString() : passkey.userId
  return named === passkey.userId && (userId ?? passkey.userId) === passkey.userId
}

/** How often the authenticator has signed, by its own account; undefined when the answer is not one of this passkey for us. */
async function verify(
  ctx: Context,
  { credentialId, publicKey }: PasskeyRow,
  answer: PasskeyAnswer,
  { challenge, needsPerson }: { challenge: string; needsPerson: boolean },
): Promise<number | undefined> {
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server')
  const { id, origin } = relyingParty(ctx.publicUrl)
  const verified = await verifyAuthenticationResponse({
    response: answer as AuthenticationResponseJSON,
    ...{ expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: id },
    requireUserVerification: needsPerson,
    // The count is compared in the database, where no two uses pass each other.
    credential: {
      ...{ id: credentialId.toString('base64url'), counter: 0 },
      publicKey: new Uint8Array(publicKey),
    },
  }).catch(() => undefined)
  return verified?.verified ? verified.authenticationInfo.newCounter : undefined
}

async function countUse(ctx: Context, { id }: PasskeyRow, signCount: number): Promise<boolean> {
  const count = String(signCount)
  const { numUpdatedRows } = await ctx.db
    .updateTable('passkeys')
    .set({ signCount: count, lastUsedAt: ctx.clock.now() })
    .where('id', '=', id)
    .where(({ or, and, eb }) =>
      or([
        eb('signCount', '<', count),
        // It does not count at all.
        and([eb('signCount', '=', '0'), eb.val(signCount === 0)]),
      ]),
    )
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

async function refuse(
  ctx: Context,
  { id: passkeyId, userId, name }: PasskeyRow,
  reason: 'signature' | 'counter',
  client: Client,
): Promise<undefined> {
  const acting = ctx.actingFor((await accountOfUser(ctx, userId))!)
  await acting.events.emit(passkeyRefused, { userId, passkeyId, name, reason, ...client })
  ctx.log.warn({ user: userId, passkey: passkeyId, reason }, 'passkey refused')
  return undefined
}
