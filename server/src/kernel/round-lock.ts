import { sql } from 'kysely'
import type { Context } from './context.ts'

/** Takes a lock until the end of the transaction; false when another process has it, which then does the round. */
export async function takeRoundLock({ db }: Context, name: string): Promise<boolean> {
  const { rows } = await sql<{
    taken: boolean
  }>`select pg_try_advisory_xact_lock(hashtext(${name})) as taken`.execute(db)
  return rows[0]!.taken
}
