import type { Generated, Selectable } from 'kysely'

/** One row per user who leaves or has left. Made by `migrations/0016_people.sql`. */
export interface DepartureTable {
  userId: string
  /** What the user was before, and is again when restored. */
  statusBefore: 'active' | 'disabled'
  requestedBy: string | null
  requestedAt: Date
  /** Until then the user can be restored. */
  dueAt: Date
  /** From then on there is no way back. */
  begunAt: Date | null
  /** The accounts that go with the user; known once erasing has begun. */
  accountIds: Generated<string[]>
  /** The capabilities that have erased their part. */
  erased: Generated<string[]>
  endedAt: Date | null
}

export type DepartureRow = Selectable<DepartureTable>
