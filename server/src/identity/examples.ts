import type { Device, SignedIn, User } from './schema.ts'

/** What the API document shows. */
export const exampleUser: User = {
  id: 'usr_06bmza0c8dr7z3k1p5q9v2x4ta',
  email: 'ann@example.com',
  emailVerified: false,
  firstName: 'Ann',
  lastName: 'Lovelace',
  tier: 'free',
  roles: ['account-owner'],
  accountId: 'acc_06bmza0c8dr7z3k1p5q9v2x4tb',
  settings: {
    theme: 'dark',
    language: 'en',
    notifications: { email: true, inApp: true },
    browserPreferences: { defaultViewport: { width: 1440, height: 900 }, defaultTimeout: 15_000 },
  },
  createdAt: '2026-11-20T12:00:00.000Z',
  updatedAt: '2026-11-20T12:00:00.000Z',
  lastLoginAt: '2026-11-20T12:00:00.000Z',
}

export const exampleSignedIn: SignedIn = {
  user: exampleUser,
  accessToken: 'eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ1c3JfLi4uIn0.…',
  refreshToken: 'gty_rt1_06bmza0c8dr7z3k1p5q9v2x4tc_1_…',
  expiresInSeconds: 600,
}

export const examplePassword = 'violet tractor nine umbrellas'

export const exampleLinkToken = 'c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU'

export const exampleDevice: Device & { ipAddress: string; userAgent: string } = {
  id: 'sgn_06bmza0c8dr7z3k1p5q9v2x4tc',
  userId: exampleUser.id,
  createdAt: '2026-11-20T12:00:00.000Z',
  expiresAt: '2026-12-04T12:00:00.000Z',
  lastActivityAt: '2026-11-20T12:00:00.000Z',
  ipAddress: '203.0.113.7',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0.0.0 Safari/537.36',
  current: true,
}

export const exampleRegister = {
  email: 'ann@example.com',
  password: examplePassword,
  firstName: 'Ann',
  lastName: 'Lovelace',
}
