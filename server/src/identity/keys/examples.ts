import { shownPart } from './format.ts'
import type { ApiKey, NewApiKey } from './schema.ts'

/** Of the right length; its checksum is wrong, so that it never counts. */
const KEY = 'gk_live_4fT9EXAMPLE000EXAMPLE000EXAMPLE000EXAMPLE000EXAMPLE0'

/** What the API document shows. */
export const exampleKey: ApiKey = {
  id: 'key_06f3k9w2m4qz7x8y1v5t0r6n3b',
  accountId: 'acc_06f3k9w2m4qz7x8y1v5t0r6n3b',
  name: 'nightly price check',
  mode: 'live',
  prefix: shownPart(KEY),
  scopes: ['sessions.*'],
  allowedAddresses: ['203.0.113.0/24'],
  status: 'active',
  createdBy: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b',
  createdAt: '2026-11-20T12:00:00.000Z',
  expiresAt: '2027-02-18T12:00:00.000Z',
}

export const exampleNewKey: NewApiKey = { ...exampleKey, key: KEY }
