import type { Context } from '#kernel/context.ts'
import { BEAT_SECONDS } from './beats.ts'
import type { RelayRow } from './tables.ts'

/** One that has missed so many beats is not waited for, though nobody has declared it gone yet. */
const MISSED_BEATS = 3

/** A relay goes by what it was told up to a revision: it asks for what comes after. */
export async function noteHeard(
  { db }: Context,
  { id, heardRevision }: Pick<RelayRow, 'id' | 'heardRevision'>,
  revision: number,
): Promise<void> {
  if (revision <= Number(heardRevision)) return
  await db
    .updateTable('relays')
    .set({ heardRevision: String(revision) })
    .where('id', '=', id)
    .where('heardRevision', '<', String(revision))
    .execute()
}

/** Whether each of these relays that lives goes by what was changed up to a revision. */
export async function haveHeard(
  { db, clock }: Context,
  relayIds: readonly string[],
  revision: string,
): Promise<boolean> {
  const livesSince = new Date(clock.now().getTime() - MISSED_BEATS * BEAT_SECONDS * 1000)
  const behind = await db
    .selectFrom('relays')
    .select('id')
    .where('id', 'in', [...relayIds])
    .where('status', 'in', ['running', 'draining'])
    .where('lastBeatAt', '>', livesSince)
    .where('heardRevision', '<', revision)
    .limit(1)
    .execute()
  return behind.length === 0
}
