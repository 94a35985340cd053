import type { Generated, Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'
import type { OperationStatus } from './states.ts'

/** One piece of long work. Made by `migrations/0004_operations.sql`; ended ones are kept for 30 days. */
export interface OperationTable {
  id: string
  /** `recovery.retry-dead-jobs` */
  kind: string
  accountId: string
  userId: string
  status: OperationStatus
  done: Generated<number>
  /** Null while nobody knows. */
  total: number | null
  note: string | null
  result: Json<unknown> | null
  error: Json<OperationError> | null
  createdAt: Date
  startedAt: Date | null
  endedAt: Date | null
}

/** Why an operation failed. */
export interface OperationError {
  code: string
  message: string
  /** Under which the run was logged. */
  correlationId: string
}

export type OperationRow = Selectable<OperationTable>

/** How often a route gave a refusal in one hour. Kept for 90 days. */
export interface ProblemCountTable {
  hour: Date
  code: string
  route: string
  status: number
  /** Text, since a Postgres `bigint` can exceed a safe number. */
  count: string
}

declare module '#kernel/db.ts' {
  interface Tables {
    operations: OperationTable
    problemCounts: ProblemCountTable
  }
}
