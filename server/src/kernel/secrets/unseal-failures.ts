import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '../context.ts'
import type { Db } from '../db.ts'
import { defineEvent } from '../events.ts'
import type { Situation } from '../kernel.ts'
import type { Logger } from '../log.ts'
import { Ticker } from '../ticker.ts'
import type { SealedColumn } from './sealed-column.ts'

export const unsealingFailed = defineEvent(
  'secret.unsealing_failed',
  'A sealed secret did not open: it was changed or moved, or its key is not there. Repeats are counted, and told in one event.',
  z.object({
    place: z.string().meta({ description: 'Table, row and column: `mails/mail_…/sealed_values`' }),
    purpose: z.string(),
    count: z.int().min(1).meta({ description: 'How often, beyond what was told before' }),
  }),
  { target: 'place', result: 'failed' },
)

export interface UnsealFailuresOptions {
  db: Db
  /** Whose rows tell of which account a secret is. */
  columns: readonly SealedColumn[]
  accountOfUser: (userId: string) => Promise<string | undefined>
  contextFor: (situation: Situation) => Context
  count: (purpose: string) => void
  log: Logger
  /** 5 s unless given. */
  windowMs?: number
}

const WINDOW_MS = 5_000
/** Places in one window; what is more is told by its number, as of no account. */
const MAX_KNOWN = 100
const SYSTEM = { kind: 'system', name: 'secrets' } as const

interface Known {
  purpose: string
  at: readonly string[]
  count: number
}

/** Writes down every sealed secret that did not open. The first of a place is written at once, repeats when the window ends. */
export class UnsealFailures implements AsyncDisposable {
  readonly #options: UnsealFailuresOptions
  readonly #window: Ticker
  readonly #writing = new Set<Promise<void>>()
  #known = new Map<string, Known>()
  #others = 0

  constructor(options: UnsealFailuresOptions) {
    this.#options = options
    const { log, windowMs = WINDOW_MS } = options
    const work = () => this.flush()
    this.#window = new Ticker({ name: 'count failed decryption', everyMs: windowMs, log, work })
    this.#window.start()
  }

  readonly note = (purpose: string, at: readonly string[]): void => {
    this.#options.count(purpose)
    const key = JSON.stringify([purpose, ...at])
    const known = this.#known.get(key)
    if (known) return void known.count++
    if (this.#known.size >= MAX_KNOWN) return void this.#others++
    this.#known.set(key, { purpose, at, count: 0 })
    this.#write({ purpose, at, count: 1 })
  }

  /** Resolves once all that was noted is written. */
  async flush(): Promise<void> {
    const known = this.#known
    this.#known = new Map()
    const others = this.#others
    this.#others = 0
    if (others > 0) this.#write({ purpose: 'several', at: ['others'], count: others })
    for (const one of known.values()) if (one.count > 0) this.#write(one)
    await Promise.all(this.#writing)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#window[Symbol.asyncDispose]()
    await this.flush()
  }

  #write(failure: Known): void {
    const writing = this.#announce(failure).finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  async #announce({ purpose, at, count }: Known): Promise<void> {
    const { contextFor, log } = this.#options
    try {
      const accountId = await accountAt(this.#options, purpose, at)
      const ctx = contextFor({ actor: SYSTEM, ...(accountId && { accountId }) })
      const place = at.join('/')
      await ctx.transaction((ctx) => ctx.events.emit(unsealingFailed, { place, purpose, count }))
    } catch (error) {
      log.error({ err: error, purpose, at, count }, 'a failed decryption was not written down')
    }
  }
}

/** The account that the row with the secret belongs to, itself or by its user; nothing for what is the installation's. */
async function accountAt(
  { db, columns, accountOfUser }: UnsealFailuresOptions,
  purpose: string,
  [table, id]: readonly string[],
): Promise<string | undefined> {
  const column = columns.find((one) => one.purpose === purpose && one.table === table)
  if (!column || id === undefined) return undefined
  const { rows } = await sql<{ accountId: string | null; userId: string | null }>`
    select facts->>'account_id' as "accountId", facts->>'user_id' as "userId"
    from (
      select to_jsonb(t) as facts from ${sql.table(column.table)} t where t.${sql.ref(column.id)} = ${id}
    ) it`.execute(db.withoutPlugins())
  const { accountId, userId } = rows[0] ?? {}
  return accountId ?? (userId ? accountOfUser(userId) : undefined)
}
