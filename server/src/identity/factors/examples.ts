import { exampleSignedIn } from '../examples.ts'
import type {
  Enrolment,
  FactorState,
  FinishedSignIn,
  Passkey,
  RememberedDevice,
  RegisterPasskey,
  SecondFactorRequired,
} from './schema.ts'
import type { PasskeyAnswer } from './passkey-answer.ts'

/** What the API document shows. */
export const exampleChallenge: SecondFactorRequired = {
  secondFactorRequired: true,
  challengeId: 'q3mGk0aZ8r2c5Yw1tQ7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5U',
  methods: ['totp', 'passkey', 'backup_code'],
  expiresAt: '2026-11-20T12:05:00.000Z',
}

export const exampleFinished: FinishedSignIn = {
  ...exampleSignedIn,
  rememberToken: 'Zk8rQ2m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0Ca1',
  rememberedUntil: '2026-12-20T12:00:00.000Z',
}

export const exampleEnrolment: Enrolment = {
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: 'otpauth://totp/Gantry:ann%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Gantry&algorithm=SHA1&digits=6&period=30',
  qrSvg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 49 49">…</svg>',
  expiresAt: '2026-11-20T12:15:00.000Z',
}

export const exampleCodes = { backupCodes: ['7K3D-X0QW-9M2E-TB4V', 'P5RA-1JYH-C8N6-ZS0G'] }

export const examplePasskey: Passkey = {
  id: 'pky_06bmza0c8dr7z3k1p5q9v2x4td',
  name: 'blue key',
  isSynced: false,
  createdAt: '2026-11-20T12:00:00.000Z',
  lastUsedAt: '2026-11-20T12:30:00.000Z',
}

const credential = {
  id: 'AQIDBAUGBwgJCgsMDQ4PEA',
  rawId: 'AQIDBAUGBwgJCgsMDQ4PEA',
  type: 'public-key',
  clientExtensionResults: {},
} as const

export const exampleAnswer: PasskeyAnswer = {
  ...credential,
  response: {
    clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0',
    authenticatorData: 'SZYN5YgOjGh0NBcPZHZgW4',
    signature: 'MEUCIQDx',
  },
}

export const exampleCreation: RegisterPasskey = {
  name: 'blue key',
  response: {
    ...credential,
    response: {
      clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0',
      attestationObject: 'o2NmbXRkbm9uZQ',
      transports: ['usb'],
    },
  },
}

export const exampleState: FactorState = {
  enabled: true,
  required: false,
  authenticatorApp: { createdAt: '2026-11-20T12:00:00.000Z' },
  passkeys: [examplePasskey],
  backupCodesLeft: 10,
}

export const exampleRemembered: RememberedDevice = {
  id: 'rdv_06bmza0c8dr7z3k1p5q9v2x4te',
  createdAt: '2026-11-20T12:00:00.000Z',
  expiresAt: '2026-12-20T12:00:00.000Z',
  lastUsedAt: '2026-11-21T08:15:00.000Z',
  ipAddress: '203.0.113.7',
}
