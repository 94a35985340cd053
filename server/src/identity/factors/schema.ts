import { z } from 'zod'
import { CookieSession, SessionForm, SignedIn } from '../schema.ts'
import { PersonName } from '../settings.ts'
import { BackupCode, EitherCode, TotpCode } from './codes.ts'
import { base64url, credential, PasskeyAnswer } from './passkey-answer.ts'

const ChallengeId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the `challengeId` of a sign-in')
  .meta({ description: 'Of a sign-in whose password was right' })

const RememberDevice = z.boolean().meta({
  description: 'Whether this device needs no second factor for 30 days: see `rememberToken`',
})

export const SecondFactorRequired = z
  .strictObject({
    secondFactorRequired: z.literal(true),
    challengeId: z.string().meta({
      description: 'Finishes this sign-in, once, from the same network; it is no token',
    }),
    methods: z.array(z.enum(['totp', 'passkey', 'backup_code'])),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'SecondFactorRequired' })
export type SecondFactorRequired = z.output<typeof SecondFactorRequired>

const aside = {
  rememberedUntil: z.iso.datetime().optional(),
  backupCodesLeft: z
    .int()
    .optional()
    .meta({ description: 'There when fewer than 3 are: make new ones' }),
}

export const FinishedSignIn = SignedIn.extend({
  ...aside,
  rememberToken: z.string().optional().meta({
    description: 'Goes into later sign-ins of this device in place of a second factor',
  }),
}).meta({ id: 'FinishedSignIn' })
export type FinishedSignIn = z.output<typeof FinishedSignIn>

export const Enrol = z
  .strictObject({
    code: EitherCode.optional().meta({
      description: 'Needed to replace an app: a code of it, or a backup code',
    }),
  })
  .meta({ id: 'EnrolAuthenticatorApp' })

export const Enrolment = z
  .strictObject({
    secret: z.string().meta({ description: 'Base32, for typing it by hand' }),
    uri: z.string().meta({ description: '`otpauth://totp/…`: what the QR code holds' }),
    qrSvg: z.string().meta({ description: 'The QR code as an SVG picture' }),
    expiresAt: z.iso.datetime().meta({ description: 'Until when its first code is awaited' }),
  })
  .meta({ id: 'AuthenticatorAppEnrolment' })
export type Enrolment = z.output<typeof Enrolment>

export const BackupCodes = z
  .strictObject({
    backupCodes: z
      .array(z.string())
      .meta({ description: 'Shown this once; each signs in once in place of a second factor' }),
  })
  .meta({ id: 'BackupCodes' })

const PasskeyCreation = z
  .strictObject({
    ...credential,
    response: z.strictObject({
      clientDataJSON: base64url,
      attestationObject: base64url,
      authenticatorData: base64url.optional(),
      publicKey: base64url.nullish(),
      publicKeyAlgorithm: z.int().optional(),
      transports: z.array(z.string().max(32)).max(10).optional(),
    }),
  })
  .meta({
    id: 'PasskeyCreation',
    description:
      '`toJSON()` of what `navigator.credentials.create` gave (RegistrationResponseJSON)',
  })

export const VerifyFactor = z
  .strictObject({
    challengeId: ChallengeId.optional().meta({
      description: 'Left out by who is signed in and confirms a new authenticator app',
    }),
    code: TotpCode.optional(),
    passkey: PasskeyAnswer.optional(),
    rememberDevice: RememberDevice.optional(),
    session: SessionForm,
  })
  .refine(
    ({ code, passkey }) => (code === undefined) !== (passkey === undefined),
    'must hold either `code` or `passkey`',
  )
  .refine(
    ({ challengeId, code }) => challengeId !== undefined || code !== undefined,
    'a passkey finishes a sign-in: send its `challengeId`',
  )
  .meta({ id: 'VerifySecondFactor' })
export type VerifyFactor = z.output<typeof VerifyFactor>

/** The same for a page of this server, whose tokens are cookies. */
const FinishedCookieSession = CookieSession.extend(aside).meta({ id: 'FinishedCookieSession' })

/** As the request asked for it. */
export const Finished = z.union([FinishedSignIn, FinishedCookieSession])

/** A confirmed app shows backup codes; a finished sign-in has tokens. */
export const Verified = z.union([FinishedSignIn, FinishedCookieSession, BackupCodes])

export const VerifyBackupCode = z
  .strictObject({
    challengeId: ChallengeId,
    code: BackupCode,
    rememberDevice: RememberDevice.optional(),
    session: SessionForm,
  })
  .meta({ id: 'VerifyBackupCode' })

export const DisableApp = z
  .strictObject({ code: EitherCode })
  .meta({ id: 'DisableAuthenticatorApp' })

export const Requirement = z
  .strictObject({
    required: z.boolean().meta({
      description: 'Whether everybody who acts for the account needs a second factor',
    }),
  })
  .meta({ id: 'SecondFactorRequirement' })

export const PasskeyId = z
  .string()
  .regex(/^pky_[0-9a-z]{26}$/, 'must be the id of a passkey such as pky_06ax…')

const PasskeyName = PersonName.meta({ description: 'To tell it by', examples: ['blue key'] })

export const Passkey = z
  .strictObject({
    id: PasskeyId,
    name: z.string(),
    isSynced: z.boolean().meta({ description: 'Whether it may be on several devices' }),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Passkey' })
export type Passkey = z.output<typeof Passkey>

export const PasskeyList = z.strictObject({ items: z.array(Passkey) }).meta({ id: 'PasskeyList' })

export const NewPasskey = Passkey.extend({
  backupCodes: z
    .array(z.string())
    .optional()
    .meta({ description: 'There when it is the first factor; shown this once' }),
}).meta({ id: 'NewPasskey' })
export type NewPasskey = z.output<typeof NewPasskey>

export const RegisterPasskey = z
  .strictObject({ name: PasskeyName, response: PasskeyCreation })
  .meta({ id: 'RegisterPasskey' })
export type RegisterPasskey = z.output<typeof RegisterPasskey>

/** What the browser's API takes; the rest of it is the browser's. */
export const PasskeyOptions = z
  .looseObject({
    challenge: z.string(),
    rp: z.unknown().optional(),
    rpId: z.string().optional(),
    userVerification: z.string().optional(),
  })
  .meta({
    id: 'PasskeyOptions',
    description:
      'For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`',
  })

export const AskForPasskey = z
  .strictObject({
    challengeId: ChallengeId.optional().meta({
      description:
        'Of a sign-in that awaits its second factor; left out to sign in by passkey alone',
    }),
  })
  .meta({ id: 'AskForPasskey' })

export const LoginByPasskey = z
  .strictObject({ response: PasskeyAnswer, session: SessionForm })
  .meta({ id: 'LoginByPasskey' })

export const FactorState = z
  .strictObject({
    enabled: z.boolean().meta({ description: 'Whether signing in takes a second factor' }),
    required: z.boolean().meta({ description: 'Whether your role or your account demands one' }),
    authenticatorApp: z.strictObject({ createdAt: z.iso.datetime() }).nullable(),
    passkeys: z.array(Passkey),
    backupCodesLeft: z.int(),
  })
  .meta({ id: 'SecondFactors' })
export type FactorState = z.output<typeof FactorState>

export const RememberedDevice = z
  .strictObject({
    id: z.string().meta({ description: '`rdv_…`' }),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime(),
    ipAddress: z.string().optional(),
    userAgent: z.string().optional(),
  })
  .meta({ id: 'RememberedDevice' })
export type RememberedDevice = z.output<typeof RememberedDevice>

export const RememberedDeviceList = z
  .strictObject({ items: z.array(RememberedDevice) })
  .meta({ id: 'RememberedDeviceList' })
