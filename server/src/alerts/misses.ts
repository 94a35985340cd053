import type { Clock } from '#kernel/clock.ts'
import { type Actor, type Context, whoActs } from '#kernel/context.ts'
import type { Situation } from '#kernel/kernel.ts'
import type { Logger } from '#kernel/log.ts'
import type { Refusal } from '#kernel/refusal.ts'
import { problems } from './problems.ts'
import { raise } from './raise.ts'

export interface MissesOptions {
  contextFor: (situation: Situation) => Context
  clock: Clock
  log: Logger
  /** Of one person, with their keys, in 15 minutes. */
  limit: number
}

const WINDOW_MS = 15 * 60 * 1000
/** An alert is raised at this part of the limit. */
const ALERT_PART = 5
/** About 100 bytes each. */
const MAX_KNOWN = 10_000

interface Missed {
  count: number
  endsAtMs: number
}

/** Counts how often people ask for things by ids that lead to nothing, in this process: whoever does so often is guessing. */
export class Misses implements AsyncDisposable {
  readonly #options: MissesOptions
  readonly #known = new Map<string, Missed>()
  readonly #raising = new Set<Promise<void>>()

  constructor(options: MissesOptions) {
    this.#options = options
  }

  /** @throws problem `request.too_many_misses` */
  readonly judge = (actor: Actor): void => {
    const missed = this.#current(personOf(actor))
    const { limit, clock } = this.#options
    if (!missed || missed.count < limit) return
    const leftMs = missed.endsAtMs - clock.monotonicMs()
    throw problems.tooManyMisses({
      ...{ limit, retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)) },
      rateLimit: { name: 'misses', limit, windowSeconds: WINDOW_MS / 1000 },
    })
  }

  readonly note = ({ actor, client, correlationId }: Refusal): void => {
    const person = personOf(actor)
    if (person === undefined) return
    const { limit, clock } = this.#options
    const endsAtMs = clock.monotonicMs() + WINDOW_MS
    const missed = this.#current(person) ?? this.#begin(person, endsAtMs)
    missed.count++
    if (missed.count !== Math.ceil(limit / ALERT_PART)) return
    const raising = this.#raise({ actor, client, correlationId }, person, missed.count)
    this.#raising.add(raising)
    void raising.finally(() => this.#raising.delete(raising))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#raising)
  }

  #current(person: string | undefined): Missed | undefined {
    const missed = person === undefined ? undefined : this.#known.get(person)
    return missed && missed.endsAtMs > this.#options.clock.monotonicMs() ? missed : undefined
  }

  #begin(person: string, endsAtMs: number): Missed {
    const missed = { count: 0, endsAtMs }
    // Last again, so that the first is the one that ends first.
    this.#known.delete(person)
    this.#known.set(person, missed)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return missed
  }

  async #raise(situation: Situation, subject: string, count: number): Promise<void> {
    const detail = `${count} requests within 15 minutes for things that are not there.`
    const accountId = 'accountId' in situation.actor ? situation.actor.accountId : undefined
    const sighting = { kind: 'many_misses', subject, accountId, detail } as const
    try {
      await this.#options.contextFor(situation).transaction((ctx) => raise(ctx, sighting))
    } catch (error) {
      this.#options.log.error({ err: error, subject }, 'an alert was not raised')
    }
  }
}

/** A key is whoever made it, so that a new one is no new start; who acts as another is themselves. */
function personOf(actor: Actor): string | undefined {
  return actor.kind === 'key' ? actor.userId : whoActs(actor)
}
