import { sql } from 'kysely'
import type { Db } from '#kernel/db.ts'

interface Use {
  at: Date
  ip: string
}

/** A key's row is written once in so long at most. */
export const USE_NOTED_MS = 60_000
const WRITE_AFTER_MS = 1_000
const TRY_AGAIN_MS = 10_000
const MAX_WAITING = 5_000

/** Writes when and from where keys were used last: together, and behind the requests. */
export class LastUses implements AsyncDisposable {
  readonly #db: Db
  #waiting = new Map<string, Use>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(db: Db) {
    this.#db = db
  }

  note(keyId: string, use: Use): void {
    if (this.#waiting.size < MAX_WAITING) this.#waiting.set(keyId, use)
    this.#writeAfter(WRITE_AFTER_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.#writing
    await this.#write().catch(() => undefined)
  }

  #writeAfter(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const uses = this.#waiting
      this.#writing = this.#write().catch(() => this.#keep(uses))
    }, ms).unref()
  }

  /** The database is away: what has not been used since waits for the next try. */
  #keep(uses: ReadonlyMap<string, Use>): void {
    this.#waiting = new Map([...uses, ...this.#waiting].slice(0, MAX_WAITING))
    this.#writeAfter(TRY_AGAIN_MS)
  }

  async #write(): Promise<void> {
    const uses = [...this.#waiting]
    this.#waiting = new Map()
    if (uses.length === 0) return
    const ids = uses.map(([id]) => id)
    const times = uses.map(([, { at }]) => at.toISOString())
    const ips = uses.map(([, { ip }]) => ip)
    // A row that is locked is being rotated, revoked or written by another process: its turn comes again.
    await sql`
      with used as (
        select * from unnest(${ids}::text[], ${times}::timestamptz[], ${ips}::text[]) as used (id, at, ip)
      ), due as (
        select used.* from used join api_keys using (id)
        where last_used_at is null or last_used_at <= used.at - interval '1 minute'
        for update of api_keys skip locked
      )
      update api_keys set last_used_at = due.at, last_used_ip = due.ip
      from due where api_keys.id = due.id`.execute(this.#db)
  }
}
