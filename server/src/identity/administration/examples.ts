import { exampleUser } from '../examples.ts'
import type { AdminUser, AdminUserDetails } from './schema.ts'

const { settings: _, ...shown } = exampleUser

/** What the API document shows. */
export const exampleSeen: AdminUser = { ...shown, status: 'active', secondFactor: true }

export const exampleDetails: AdminUserDetails = {
  ...exampleSeen,
  accounts: [{ id: exampleUser.accountId, name: 'Ann Lovelace', kind: 'personal', role: 'owner' }],
  devices: 2,
  secondFactors: { authenticatorApp: true, passkeys: 0, backupCodesLeft: 10 },
}

export const exampleOperation = { operationId: 'op_06f3k9w2m4qz7x8y1v5t0r6n3b' }
