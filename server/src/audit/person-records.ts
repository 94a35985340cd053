import type { Context } from '#kernel/context.ts'
import { searchEvents } from '#kernel/events.ts'
import type { PersonalRecords, PersonOnRecord, Rows } from '#kernel/personal-records.ts'
import { asSeenBy } from './activity.ts'
import { presentEntries } from './present.ts'

const BATCH = 200

/** What the log tells of a person, to themselves. It is erased once the user is deleted: see `eraseTheDeleted`. */
export const activityOfPerson: PersonalRecords = { lists: { activity: listActivity } }

async function* listActivity({ db, signal }: Context, { userId }: PersonOnRecord): Rows {
  for (let before; ;) {
    signal.throwIfAborted()
    const found = await searchEvents(db, { about: userId }, { limit: BATCH, before })
    const entries = await presentEntries(db, found)
    yield* entries.map((entry) => asSeenBy(userId, entry))
    before = found.at(-1)?.place
    if (!before || found.length < BATCH) return
  }
}
