import { sql } from 'kysely'
import type { Db } from '../db.ts'

/**
 * Notes that the data now lives in another cluster, if it does: its transaction ids start anew, so its events are ordered after all
 * that the data came with. Runs before anything is written; of processes that start at once, one makes the note.
 */
export async function settleEpoch(db: Db): Promise<void> {
  await sql`
    insert into cluster_epochs (epoch, system_identifier)
    select coalesce(max(epoch), 0) + 1, (select system_identifier::text from pg_control_system())
    from cluster_epochs
    having current_epoch() is null
    on conflict do nothing`.execute(db)
}

/** Makes the partitions of this month and the next three. */
export async function makeEventPartitions(db: Db): Promise<void> {
  await sql`select make_event_partitions(3)`.execute(db)
}
