import { z } from 'zod'
import { eventResults } from '#kernel/events.ts'
import { PageQuery } from '#kernel/http/cursor.ts'

const text = z.string().trim().min(1).max(200)
const sequence = z.int().min(1)
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')

/** PostgreSQL has no year 0; and nothing happened here before this century. */
const time = z.iso.datetime().regex(/^[2-9]/, 'must be in or after the year 2000')

export const EntryId = z.string().min(1).max(64).meta({ description: '`evt_…`' })

export const filters = {
  actor: text.optional().meta({
    description: 'A user, with what their keys did; a key; or the name of a part of the product',
  }),
  action: text
    .regex(/^[a-z][a-z0-9_.]*\*?$/, 'must be an action, or its beginning and `*`')
    .optional()
    .meta({ description: '`session.ended`, or `session.*` for all that begin so' }),
  target: text.optional().meta({ description: 'What was acted on, by its id or name' }),
  accountId: text.optional(),
  result: z.enum(eventResults).optional(),
  address: text.optional().meta({ description: 'Where the request came from' }),
  correlationId: text.optional(),
  from: time.optional().meta({ description: 'Not before this' }),
  to: time.optional().meta({ description: 'Before this' }),
  q: text.optional().meta({ description: 'Words and numbers that the data of an entry all holds' }),
}

export const EntryQuery = PageQuery.extend(filters)
export type EntryQuery = z.output<typeof EntryQuery>

export const ExportQuery = z.strictObject({
  ...filters,
  format: z.enum(['csv', 'json']).default('csv'),
  from: time.meta({ description: 'Not before this' }),
  to: time.optional().meta({ description: 'Before this; now unless given' }),
})
export type ExportQuery = z.output<typeof ExportQuery>

const Who = z.strictObject({
  kind: z.enum(['anonymous', 'system', 'user', 'key']),
  name: z.string().optional().meta({ description: 'Of a part of the product' }),
  userId: z.string().optional(),
  keyId: z.string().optional(),
  roles: z.array(z.string()).optional().meta({ description: 'When it happened' }),
})

export const AuditEntry = z
  .strictObject({
    id: EntryId,
    at: z.iso.datetime(),
    actor: Who,
    action: z.string().meta({ description: 'The kind of the event: `session.ended`' }),
    accountId: z.string().optional(),
    target: z.string().optional().meta({ description: 'What was acted on' }),
    result: z.enum(eventResults),
    address: z.string().optional(),
    agent: z.string().optional(),
    correlationId: z.string().optional(),
    data: z.unknown(),
    erased: z.literal(true).optional().meta({
      description: 'There when something that told of a person was erased',
    }),
    sequence: sequence
      .optional()
      .meta({ description: 'Place in the hash chain; absent for a second or two' }),
    hash: hash.optional(),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.output<typeof AuditEntry>

const bytes = z.string().regex(/^[\w-]{43,86}$/, 'must be base64url')

export const AuditHead = z
  .strictObject({
    day: z.iso.date().meta({ description: 'The day that was over, UTC' }),
    lastSequence: sequence.meta({ description: 'How far the chain went' }),
    hash: hash.meta({ description: 'Of that link' }),
    previousSignature: bytes.nullable().meta({ description: 'Of the head before' }),
    signature: bytes.meta({ description: 'Ed25519' }),
    keyId: hash.meta({ description: 'SHA-256 of the public key' }),
    publicKey: bytes,
    signedAt: z.iso.datetime(),
  })
  .meta({ id: 'AuditHead' })
export type AuditHead = z.output<typeof AuditHead>

export const VerifyAudit = z
  .strictObject({
    from: sequence.optional().meta({ description: 'First sequence number; 1 unless given' }),
    to: sequence.optional().meta({ description: 'Last one; the newest unless given' }),
    head: AuditHead.optional().meta({ description: 'One that was kept elsewhere' }),
  })
  .meta({ id: 'VerifyAudit' })
export type VerifyAudit = z.output<typeof VerifyAudit>

export const Started = z.strictObject({ operationId: z.string() })
export type Started = z.output<typeof Started>
