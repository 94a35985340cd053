import { sql } from 'kysely'
import type { Db } from '#kernel/db.ts'

/** Counts the connections of this database that wait for a lock. Other tests have databases of their own in the same cluster. */
export const LOCK_WAITS = `select count(distinct pid)::integer as waiting
  from pg_locks join pg_stat_activity using (pid)
  where not granted and datname = current_database()`

export async function lockWaits(db: Db): Promise<number> {
  const { rows } = await sql<{ waiting: number }>`${sql.raw(LOCK_WAITS)}`.execute(db)
  return rows[0]!.waiting
}
