import type { ColumnType, Generated } from 'kysely'
import type { EventResult } from './events.ts'
import type { PersonalPart } from './events/personal.ts'
import type { SealingKeyState } from './secrets/states.ts'

/** A `jsonb` column: read as a value, written as the text of `JSON.stringify`. */
export type Json<T> = ColumnType<T, string, string>

/** One announced fact, never changed but for its personal part, which may be erased. Partitioned by month of `occurredAt`. */
export interface EventTable {
  /** The cluster that `xid` belongs to; rises when the database is restored into a new cluster. */
  epoch: Generated<number>
  /** The writer's transaction, as text of an `xid8`. */
  xid: Generated<string>
  /** Order within the whole log, as text of a `bigint`. Not gapless. */
  id: Generated<string>
  eventId: string
  kind: string
  accountId: string | null
  actor: Json<unknown>
  data: Json<unknown>
  correlationId: string | null
  occurredAt: Date
  /** What was acted on, by its id or name. */
  target: string | null
  result: Generated<EventResult>
  /** What tells of a person; null where nothing does, or no more. Its text is kept as it was written. */
  personal: Json<PersonalPart> | null
  /** SHA-256 of that text, which stays when it is erased. */
  personalDigest: Buffer | null
}

/** How far each reader has come. */
export interface EventReaderTable {
  name: string
  epoch: number
  xid: string
  id: string
  updatedAt: Date
  /** Tries of the next event that have failed. */
  failures: Generated<number>
  lastError: string | null
  /** When the next try is due, after a failure. */
  retryAt: Date | null
}

/** Each cluster that this data has lived in, newest last. */
export interface ClusterEpochTable {
  epoch: number
  systemIdentifier: string
  startedAt: Generated<Date>
}

/** One idempotent request: who asked what under which key, and what came of it. */
export interface IdempotencyKeyTable {
  accountId: string
  route: string
  key: string
  requestHash: string
  status: 'working' | 'done'
  httpStatus: number | null
  resourceId: string | null
  lockedUntil: Date
  /** Which request holds it, of all that have come with this key. */
  claimId: string | null
  createdAt: Date
  expiresAt: Date
}

/** Progress of a durable job, by the queue's own id. */
export interface JobProgressTable {
  jobId: string
  done: number
  total: number | null
  note: string | null
  updatedAt: Date
}

/** What an admin has set. */
export interface RuntimeSettingTable {
  name: string
  value: Json<unknown>
  updatedAt: Date
}

export interface RuntimeSettingChangeTable {
  id: string
  name: string
  before: ColumnType<unknown, string | null, never>
  after: Json<unknown>
  changedBy: string
  at: Date
}

/** A key that wraps the data keys of sealed records. Made by `migrations/0014_secrets.sql`. */
export interface SealingKeyTable {
  /** Follows from the key: 16 hexadecimal digits. */
  id: string
  source: 'file' | 'kms'
  /** What KMS opens the key from; null for one in a file. */
  wrapped: Buffer | null
  kmsKeyId: string | null
  state: SealingKeyState
  createdAt: Date
  activatedAt: Date | null
  retiringAt: Date | null
  retiredAt: Date | null
}

/** What `derive` and `mac` hang on: one row. */
export interface RootSecretTable {
  id: Generated<string>
  /** `master key` where there was data before sealing keys could change. */
  origin: 'master key' | 'random'
  sealed: Buffer | null
}

export interface KernelTables {
  sealingKeys: SealingKeyTable
  rootSecret: RootSecretTable
  runtimeSettings: RuntimeSettingTable
  runtimeSettingChanges: RuntimeSettingChangeTable
  events: EventTable
  eventReaders: EventReaderTable
  clusterEpochs: ClusterEpochTable
  idempotencyKeys: IdempotencyKeyTable
  jobProgress: JobProgressTable
}
