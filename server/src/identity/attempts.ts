import { sql } from 'kysely'
import type { Clock } from '#kernel/clock.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'
import { Problem } from '#kernel/problem.ts'
import { type AddressBlock, addressBlocks } from './address-blocks.ts'
import { problems } from './problems.ts'

const QUARTER_HOUR = 15 * 60

export interface AttemptLimits {
  /** For each route that takes or gives away a credential, in 15 minutes. */
  credentials: number
  /** Of an address that shows no credential at all, in 15 minutes. */
  unauthenticated: number
}

interface Rule {
  limit: keyof AttemptLimits | number
  windowSeconds: number
}

const CREDENTIALS = { limit: 'credentials', windowSeconds: QUARTER_HOUR } as const
const UNAUTHENTICATED = { limit: 'unauthenticated', windowSeconds: QUARTER_HOUR } as const

const RULES = {
  register: CREDENTIALS,
  sign_in: CREDENTIALS,
  forgot_password: CREDENTIALS,
  reset_password: CREDENTIALS,
  restore_user: CREDENTIALS,
  verification_mail: CREDENTIALS,
  step_up: CREDENTIALS,
  second_factor: CREDENTIALS,
  /** Visits to providers that one who is signed in begins. */
  provider_visit: { limit: 30, windowSeconds: QUARTER_HOUR },
  data_export: { limit: 3, windowSeconds: 24 * 60 * 60 },
  /** Steps of one sign-in. */
  refresh: { limit: 30, windowSeconds: 60 },
  /** Calls of public routes. */
  open_routes: UNAUTHENTICATED,
  /** Calls of other routes without a credential of ours. */
  no_credential: UNAUTHENTICATED,
} as const satisfies Record<string, Rule>

const NO_ATTEMPT = new Set([problems.busy.kind.code, problems.weakPassword.kind.code])

export type AttemptKind = keyof typeof RULES

interface Subject {
  text: string
  factor: number
}

interface Counted {
  key: Buffer
  count: number
  endsAt: Date
}

/** About 100 bytes each. */
const MAX_FULL = 10_000

/**
 * Counts who tries what, for all processes together. Each count is a transaction of its own, so that nothing which is undone later
 * undoes it; what is counted is kept as an HMAC only.
 */
export class Attempts {
  readonly #db: Db
  readonly #clock: Clock
  readonly #keyring: Keyring
  readonly #limits: AttemptLimits
  /** Addresses that are over the limit of strangers, until when: a flood of them costs the database nothing. */
  readonly #full = new Map<string, number>()

  constructor(options: { db: Db; clock: Clock; keyring: Keyring; limits: AttemptLimits }) {
    this.#db = options.db
    this.#clock = options.clock
    this.#keyring = options.keyring
    this.#limits = options.limits
  }

  /**
   * Counts one attempt of each subject: a user, an e-mail address. Those beyond the limit count too.
   *
   * @throws problem `auth.too_many_attempts`
   */
  take(kind: AttemptKind, ...subjects: string[]): Promise<void> {
    return this.#take(
      kind,
      subjects.map((text) => ({ text, factor: 1 })),
    )
  }

  /** The same for where the attempt comes from, and for what it is about. */
  takeFrom(kind: AttemptKind, ipAddress: string | undefined, ...subjects: string[]): Promise<void> {
    const about = subjects.map((text) => ({ text, factor: 1 }))
    return this.#take(kind, [...addressBlocks(ipAddress).map(subjectOf), ...about])
  }

  /**
   * Does the work as one attempt from this address. What was not judged, or only has to be chosen better, was none.
   *
   * @throws problem `auth.too_many_attempts`, or what the work throws
   */
  async during<Result>(
    kind: AttemptKind,
    { ipAddress, subjects = [] }: { ipAddress?: string | undefined; subjects?: string[] },
    work: () => Promise<Result>,
  ): Promise<Result> {
    await this.takeFrom(kind, ipAddress, ...subjects)
    try {
      return await work()
    } catch (error) {
      const isNone = error instanceof Problem && NO_ATTEMPT.has(error.code)
      if (isNone) await this.giveBackFrom(kind, ipAddress, ...subjects)
      throw error
    }
  }

  /** One call of somebody who shows no credential. @throws problem `auth.too_many_attempts` */
  async takeStranger(
    kind: 'open_routes' | 'no_credential',
    ipAddress: string | undefined,
  ): Promise<void> {
    const subjects = addressBlocks(ipAddress).map(subjectOf)
    const nowMs = this.#clock.now().getTime()
    const name = `${kind} ${subjects[0]!.text}`
    const fullUntil = this.#full.get(name) ?? 0
    if (fullUntil > nowMs) throw this.#tooMany(kind, new Date(fullUntil))
    await this.#take(kind, subjects, (endsAt) => this.#remember(name, endsAt.getTime()))
  }

  /** Counts one in the transaction of the caller, for what is undone with it anyway; the refusal, when it is one too many. */
  async takeWithin(db: Db, kind: AttemptKind, subject: string): Promise<Problem | undefined> {
    const [counted] = await this.#count(db, kind, [this.#keyOf(kind, subject)])
    const { count, endsAt } = counted!
    return count > this.#limitOf(kind) ? this.#tooMany(kind, endsAt) : undefined
  }

  /** Takes back what `take` counted and was no attempt after all: it succeeded, or was not judged. */
  async giveBack(kind: AttemptKind, ...subjects: string[]): Promise<void> {
    // One by one, since several rows in one statement are locked in no certain order.
    for (const text of subjects) {
      await this.#db
        .updateTable('attempts')
        .set(({ eb }) => ({ count: eb('count', '-', 1) }))
        .where('kind', '=', kind)
        .where('key', '=', this.#keyOf(kind, text))
        .where('count', '>', 0)
        .where('endsAt', '>', this.#clock.now())
        .execute()
    }
  }

  /** Takes back what `takeFrom` counted. */
  giveBackFrom(
    kind: AttemptKind,
    ipAddress: string | undefined,
    ...subjects: string[]
  ): Promise<void> {
    const from = addressBlocks(ipAddress).map((block) => subjectOf(block).text)
    return this.giveBack(kind, ...from, ...subjects)
  }

  async #take(
    kind: AttemptKind,
    subjects: Subject[],
    onFull?: (endsAt: Date) => void,
  ): Promise<void> {
    const counted = await this.#count(
      this.#db,
      kind,
      subjects.map(({ text }) => this.#keyOf(kind, text)),
    )
    for (const [index, { factor }] of subjects.entries()) {
      const { count, endsAt } = counted[index]!
      if (count <= factor * this.#limitOf(kind)) continue
      onFull?.(endsAt)
      throw this.#tooMany(kind, endsAt)
    }
  }

  /** In the order of the keys given; the rows are locked in the order of their keys, so two calls never wait for each other. */
  async #count(db: Db, kind: AttemptKind, keys: Buffer[]): Promise<Counted[]> {
    const now = this.#clock.now()
    const endsAt = new Date(now.getTime() + RULES[kind].windowSeconds * 1000)
    const isOver = sql`attempts.ends_at <= ${now} or attempts.ends_at > excluded.ends_at + interval '1 minute'`
    const rows = [...keys].sort(Buffer.compare).map((key) => ({ kind, key, count: 1, endsAt }))
    const counted = await db
      .insertInto('attempts')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['kind', 'key']).doUpdateSet({
          // One that ends well after one begun now was begun by a clock that was ahead.
          count: sql`case when ${isOver} then 1 else attempts.count + 1 end`,
          endsAt: sql`case when ${isOver} then excluded.ends_at else attempts.ends_at end`,
        }),
      )
      .returning(['key', 'count', 'endsAt'])
      .execute()
    return keys.map((key) => counted.find((row) => row.key.equals(key))!)
  }

  #limitOf(kind: AttemptKind): number {
    const { limit } = RULES[kind] as Rule
    return typeof limit === 'number' ? limit : this.#limits[limit]
  }

  #keyOf(kind: AttemptKind, text: string): Buffer {
    return this.#keyring.mac('attempts', `${kind} ${text}`)
  }

  #tooMany(kind: AttemptKind, endsAt: Date) {
    const leftMs = endsAt.getTime() - this.#clock.now().getTime()
    const { windowSeconds } = RULES[kind]
    const limit = this.#limitOf(kind)
    return problems.tooManyAttempts({
      retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
      ...{ limit, minutes: windowSeconds / 60 },
      rateLimit: { name: kind, limit, windowSeconds },
    })
  }

  #remember(name: string, untilMs: number): void {
    this.#full.set(name, untilMs)
    if (this.#full.size <= MAX_FULL) return
    for (const oldest of this.#full.keys()) return void this.#full.delete(oldest)
  }
}

function subjectOf({ block, factor }: AddressBlock): Subject {
  return { text: `from ${block}`, factor }
}
