import type { Clock } from '#kernel/clock.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'
import type { PasswordFailureTable } from './tables.ts'

const MINUTE_MS = 60 * 1000
const WINDOW_MS = 15 * MINUTE_MS
const LOCK_MS = 15 * MINUTE_MS
const MAX_LOCK_MS = 24 * 60 * MINUTE_MS
const MAX_DELAY_MS = 30_000

/** What is known before the password is looked at. */
export interface Standing {
  /** Whether every password counts as wrong now, the right one too. */
  refused: boolean
  /** Until when, if it was this attempt that locked it. */
  lockedUntil?: Date
}

type Failures = Pick<PasswordFailureTable, 'failures' | 'windowEndsAt' | 'refusedUntil' | 'locks'>

/**
 * Counts wrong passwords for each e-mail address, known or not, from wherever they come. After `free` of them the next try must wait
 * 1, 2, 4 … 30 s; after twice as many, 15 minutes, doubled each time up to a day. Tries while waiting do not count, so nobody can
 * keep a person out for good.
 */
export class PasswordFailures {
  readonly #db: Db
  readonly #clock: Clock
  readonly #keyring: Keyring
  readonly #free: number

  constructor(options: { db: Db; clock: Clock; keyring: Keyring; free: number }) {
    this.#db = options.db
    this.#clock = options.clock
    this.#keyring = options.keyring
    this.#free = options.free
  }

  /** Counts one try as failed, in a transaction of its own and before it is judged, so that many at once cannot slip by. */
  async begin(emailKey: string): Promise<Standing> {
    const key = this.#keyOf(emailKey)
    const now = this.#clock.now()
    return this.#db.transaction().execute(async (tx) => {
      const before = await this.#hold(tx, key, now)
      if (isWithin(before.refusedUntil, now)) return { refused: true }
      const after = this.#next(before, now)
      await tx
        .updateTable('passwordFailures')
        .set({ ...after, lastAt: now })
        .where('key', '=', key)
        .execute()
      const isLocked = after.locks > before.locks
      return { refused: false, ...(isLocked && { lockedUntil: after.refusedUntil! }) }
    })
  }

  /** Until when every password counts as wrong; undefined when the right one counts. */
  async refusedUntil(emailKey: string): Promise<Date | undefined> {
    const row = await this.#db
      .selectFrom('passwordFailures')
      .select('refusedUntil')
      .where('key', '=', this.#keyOf(emailKey))
      .executeTakeFirst()
    const until = row?.refusedUntil ?? null
    return until && isWithin(until, this.#clock.now()) ? until : undefined
  }

  /** After the right password, or a new one. */
  async clear(emailKey: string, db = this.#db): Promise<void> {
    await db.deleteFrom('passwordFailures').where('key', '=', this.#keyOf(emailKey)).execute()
  }

  /** The row of the address, locked until the transaction ends. One statement: whoever succeeds meanwhile may delete it. */
  #hold(tx: Db, key: Buffer, now: Date): Promise<Failures> {
    const windowEndsAt = new Date(now.getTime() + WINDOW_MS)
    return tx
      .insertInto('passwordFailures')
      .values({ key, failures: 0, windowEndsAt, refusedUntil: null, locks: 0, lastAt: now })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ lastAt: now }))
      .returningAll()
      .executeTakeFirstOrThrow()
  }

  #next({ failures, windowEndsAt, locks }: Failures, now: Date): Failures {
    const nowMs = now.getTime()
    const isOver = !isWithin(windowEndsAt, now)
    const count = isOver ? 1 : failures + 1
    const ends = isOver ? new Date(nowMs + WINDOW_MS) : windowEndsAt
    if (count >= 2 * this.#free) {
      const lockMs = Math.min(LOCK_MS * 2 ** locks, MAX_LOCK_MS)
      const refusedUntil = new Date(nowMs + lockMs)
      return { failures: 0, windowEndsAt: refusedUntil, refusedUntil, locks: locks + 1 }
    }
    const delayMs =
      count < this.#free ? 0 : Math.min(1000 * 2 ** (count - this.#free), MAX_DELAY_MS)
    const refusedUntil = delayMs > 0 ? new Date(nowMs + delayMs) : null
    return { failures: count, windowEndsAt: ends, refusedUntil, locks }
  }

  #keyOf(emailKey: string): Buffer {
    return this.#keyring.mac('password failures', emailKey)
  }
}

/** Whether the time is still to come. One further away than any lock was set by a clock that was ahead. */
function isWithin(end: Date | null, now: Date): boolean {
  const leftMs = end ? end.getTime() - now.getTime() : 0
  return leftMs > 0 && leftMs <= MAX_LOCK_MS
}
