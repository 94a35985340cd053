import type {
  PublicKeyCredentialCreationOptionsJSON,
  RegistrationResponseJSON,
  VerifiedRegistrationResponse,
} from '@simplewebauthn/server'
import type { Context } from '#kernel/context.ts'
import { requireStepUp } from '../../step-up.ts'
import type { Tools } from '../../tools.ts'
import { findUser, signedInActor } from '../../users.ts'
import { replaceCodes } from '../backup-codes.ts'
import { factorEnabled, passkeyAdded } from '../events.ts'
import { heldBy, holdsAny, lockFactors, strengthen } from '../holding.ts'
import { tellChange } from '../notices.ts'
import { endWeakSignIns, requireOwnFactor } from '../own-factor.ts'
import { factorProblems } from '../problems.ts'
import { forgetDevices } from '../remembered.ts'
import type { NewPasskey, RegisterPasskey } from '../schema.ts'
import type { PasskeyRow } from '../tables.ts'
import { CEREMONY_MS, openCeremony, takeCeremony } from './ceremonies.ts'
import { relyingParty } from './relying-party.ts'
import { ownPasskeys, presentPasskey } from './service.ts'

const MAX_PASSKEYS = 20
/** COSE numbers of EdDSA, ES256 and RS256. */
const ALGORITHMS = [-8, -7, -257]

/**
 * What a browser needs to make a passkey.
 *
 * @throws problem `auth.step_up_required`, `factor.use_own_first`, `passkey.limit_reached` or `passkey.unavailable`
 */
export async function registrationOptions(
  ctx: Context,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  await requireStepUp(ctx)
  await requireOwnFactor(ctx)
  const { userId, signInId } = signedInActor(ctx)
  const { id, name } = relyingParty(ctx.publicUrl)
  const passkeys = await ownPasskeys(ctx, userId)
  if (passkeys.length >= MAX_PASSKEYS) throw factorProblems.passkeyLimit({ limit: MAX_PASSKEYS })
  const user = (await findUser(ctx.db, 'id', userId))!
  const { generateRegistrationOptions } = await import('@simplewebauthn/server')
  return generateRegistrationOptions({
    ...{ rpID: id, rpName: name, timeout: CEREMONY_MS },
    ...{ userName: user.email, userDisplayName: user.firstName ?? user.email },
    userID: new Uint8Array(Buffer.from(userId)),
    challenge: await openCeremony(ctx, { purpose: 'register', boundTo: signInId }),
    excludeCredentials: passkeys.map(({ credentialId, transports }) => ({
      ...{ id: credentialId.toString('base64url'), transports },
    })),
    supportedAlgorithmIDs: ALGORITHMS,
    // A key that cannot keep it does as a second factor, though not alone.
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  })
}

/**
 * Keeps the passkey that a browser made; announces `passkey.added`. The first factor of a person announces `second_factor.enabled` and
 * shows ten backup codes. Remembered devices are forgotten, and other sign-ins by password alone end.
 *
 * @throws problem `factor.use_own_first`, `passkey.refused`, `passkey.already_registered` or `passkey.limit_reached`
 */
export async function registerPasskey(
  tools: Tools,
  ctx: Context,
  { name, response }: RegisterPasskey,
): Promise<NewPasskey> {
  const { userId, signInId } = signedInActor(ctx)
  const ceremony = { purpose: 'register', boundTo: signInId } as const
  const challenge = await takeCeremony(ctx, response.response.clientDataJSON, ceremony)
  const made = challenge && (await verify(ctx, response as RegistrationResponseJSON, challenge))
  if (!made) throw factorProblems.passkeyRefused()
  return ctx.transaction(async (ctx) => {
    await lockFactors(ctx, userId)
    await requireOwnFactor(ctx)
    const held = await heldBy(ctx, userId)
    if (held.passkeys >= MAX_PASSKEYS) throw factorProblems.passkeyLimit({ limit: MAX_PASSKEYS })
    const passkey = await insert(ctx, userId, name, made)
    await announce(ctx, passkey, held.passkeys === 0)
    await forgetDevices(ctx, userId)
    await strengthen(tools, ctx, signInId, 'hwk')
    await endWeakSignIns(tools, ctx)
    const shown = presentPasskey(passkey)
    if (holdsAny(held)) return shown
    return { ...shown, backupCodes: await replaceCodes(tools, ctx, userId) }
  })
}

type Made = NonNullable<VerifiedRegistrationResponse['registrationInfo']>

async function verify(
  ctx: Context,
  response: RegistrationResponseJSON,
  challenge: string,
): Promise<Made | undefined> {
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server')
  const { id, origin } = relyingParty(ctx.publicUrl)
  const verified = await verifyRegistrationResponse({
    ...{ response, expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: id },
    requireUserVerification: false,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(() => undefined)
  return verified?.registrationInfo
}

async function insert(
  ctx: Context,
  userId: string,
  name: string,
  { credential, credentialDeviceType }: Made,
): Promise<PasskeyRow> {
  const row = await ctx.db
    .insertInto('passkeys')
    .values({
      ...{ id: ctx.newId('pky'), userId, name, createdAt: ctx.clock.now() },
      credentialId: Buffer.from(credential.id, 'base64url'),
      publicKey: Buffer.from(credential.publicKey),
      signCount: String(credential.counter),
      transports: credential.transports ?? [],
      isSynced: credentialDeviceType === 'multiDevice',
    })
    .onConflict((conflict) => conflict.column('credentialId').doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw factorProblems.passkeyKnown()
  return row
}

async function announce(ctx: Context, passkey: PasskeyRow, isFirst: boolean): Promise<void> {
  const { id: passkeyId, userId, name, isSynced } = passkey
  await ctx.events.emit(passkeyAdded, { userId, passkeyId, name, isSynced })
  if (isFirst) await ctx.events.emit(factorEnabled, { userId, method: 'passkey' })
  await tellChange(ctx, (await findUser(ctx.db, 'id', userId))!, 'passkey_added')
}
