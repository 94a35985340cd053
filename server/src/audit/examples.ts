import type { AuditEntry, AuditHead } from './schema.ts'

const HASH = 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'

export const exampleEntry: AuditEntry = {
  id: 'evt_06f3k9w2m4qz7x8y1v5t0r6n3b',
  at: '2026-11-20T12:00:00.000Z',
  actor: { kind: 'user', userId: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b', roles: ['admin'] },
  action: 'setting.changed',
  accountId: 'acc_06f3k9w2m4qz7x8y1v5t0r6n3b',
  target: 'maxSessions',
  result: 'succeeded',
  address: '192.0.2.7',
  agent: 'curl/8.5.0',
  correlationId: '0d5c2f0e-8a52-4a0b-9a6c-6b0f3c1d2e4f',
  data: { name: 'maxSessions', kind: 'setting', before: 10, after: 20 },
  sequence: 1204,
  hash: HASH,
}

export const exampleHead: AuditHead = {
  day: '2026-11-19',
  lastSequence: 1187,
  hash: HASH,
  previousSignature: null,
  signature:
    'hgyY0il-MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAw',
  keyId: HASH,
  publicKey: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  signedAt: '2026-11-20T00:07:00.000Z',
}
