import type { Generated, Selectable } from 'kysely'
import type { MailState } from './states.ts'

/** One row per mail. Made by `migrations/0009_mail.sql`, as all of these. */
export interface MailTable {
  id: string
  accountId: string | null
  toAddress: string
  template: string
  language: string
  /** JSON, sealed for this row; null once the mail has ended. */
  sealedValues: Buffer | null
  status: MailState
  /** Tries that have begun. */
  attempts: Generated<number>
  dueAt: Date
  lastError: string | null
  providerMessageId: string | null
  createdAt: Date
  endedAt: Date | null
}

export type MailRow = Selectable<MailTable>

/** Addresses that take no mail, known by a digest. */
export interface MailSuppressionTable {
  addressDigest: Buffer
  reason: string
  createdAt: Date
}

/** What the last mails said; in development only. */
export interface DevMailTable {
  id: string
  /** JSON, sealed for this row. */
  sealedContent: Buffer
  createdAt: Date
}

declare module '#kernel/db.ts' {
  interface Tables {
    mails: MailTable
    mailSuppressions: MailSuppressionTable
    devMails: DevMailTable
  }
}
