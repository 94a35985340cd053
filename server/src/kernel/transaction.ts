import { sql } from 'kysely'
import type { Db } from './db.ts'
import type { Logger } from './log.ts'
import type { Telemetry } from './telemetry.ts'

const MAX_TRIES = 4
/** serialization_failure and deadlock_detected (PostgreSQL, appendix A): trying again is the documented cure. */
const RETRYABLE = new Set(['40001', '40P01'])

/** Runs `work` in a transaction, again after a serialization failure or deadlock; logs its duration, retries and outcome. */
export async function inTransaction<Result>(
  db: Db,
  log: Logger,
  telemetry: Telemetry,
  work: (tx: Db) => Promise<Result>,
): Promise<Result> {
  const startedMs = performance.now()
  for (let tries = 1; ; tries++) {
    const finish = (outcome: 'committed' | 'rolled_back') => {
      const durationMs = Math.round(performance.now() - startedMs)
      telemetry.transaction(outcome, durationMs)
      log.debug({ durationMs, retries: tries - 1, outcome }, 'transaction ended')
    }
    try {
      const result = await db.transaction().execute(work)
      finish('committed')
      return result
    } catch (error) {
      if (tries < MAX_TRIES && RETRYABLE.has(sqlState(error))) continue
      finish('rolled_back')
      throw error
    }
  }
}

/**
 * Runs queries that take rows in the order of an index, a part at a time. The planner knows little of a table that grows, and would
 * rather read all of it and sort it, for each part.
 */
export function inIndexOrder<Result>(db: Db, work: (tx: Db) => Promise<Result>): Promise<Result> {
  if (!db.isTransaction) return db.transaction().execute((tx) => inIndexOrder(tx, work))
  return sql`set local enable_sort = off`.execute(db).then(() => work(db))
}

/** The SQLSTATE of a database error, or an empty text. */
export function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}
