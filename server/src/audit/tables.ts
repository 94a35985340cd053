import type { ColumnType, Selectable } from 'kysely'

/** One link per event, in the order of the log. Made by `migrations/0011_audit.sql`; never changed. */
export interface AuditChainTable {
  /** Without gaps, from 1. Text, since a Postgres `bigint` can exceed a safe number. */
  sequence: string
  epoch: number
  xid: string
  id: string
  eventId: string
  /** SHA-256 of the hash before and the event's line. */
  hash: Buffer
}

/** A key that heads are signed with. */
export interface AuditKeyTable {
  /** SHA-256 of the public half, in hex. */
  keyId: string
  publicKey: Buffer
  /** PKCS #8, sealed for this row. */
  sealedPrivate: Buffer
  createdAt: Date
}

/** How far the chain went when a day was over. */
export interface AuditHeadTable {
  /** `2026-11-21`, UTC. A column that is not read as a `Date`, which has a time zone. */
  day: ColumnType<unknown, string, never>
  lastSequence: string
  hash: Buffer
  /** Of the head of the day before that has one. */
  previousSignature: Buffer | null
  signature: Buffer
  keyId: string
  signedAt: Date
}

export type AuditKeyRow = Selectable<AuditKeyTable>

declare module '#kernel/db.ts' {
  interface Tables {
    auditChain: AuditChainTable
    auditKeys: AuditKeyTable
    auditHeads: AuditHeadTable
  }
}
