import type { Account, Member } from './schema.ts'

export const exampleAccount: Account = {
  id: 'acc_06bmza0c8dr7z3k1p5q9v2x4tb',
  name: 'Analytical Engines',
  kind: 'organisation',
  tier: 'free',
  role: 'owner',
  createdAt: '2026-11-20T12:00:00.000Z',
  updatedAt: '2026-11-20T12:00:00.000Z',
}

export const exampleMember: Member = {
  userId: 'usr_06bmza0c8dr7z3k1p5q9v2x4ta',
  email: 'ann@example.com',
  firstName: 'Ann',
  lastName: 'Lovelace',
  role: 'owner',
  createdAt: '2026-11-20T12:00:00.000Z',
}
