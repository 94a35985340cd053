import { hash } from 'node:crypto'
import type { Clock } from '#kernel/clock.ts'
import { type Actor, type Context, whoActs } from '#kernel/context.ts'
import type { Situation } from '#kernel/kernel.ts'
import type { Logger } from '#kernel/log.ts'
import type { Miss } from '#kernel/refusal.ts'
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
/** At most about 3 KB each. */
const MAX_KNOWN = 10_000
/** Of the last misses of one person: whoever asks again for one of them, such as a program that polls, is not guessing. */
const REMEMBERED = 32

interface Missed {
  count: number
  endsAtMs: number
  readonly last: Set<string>
}

/** Counts for how many things people ask by ids that lead to nothing, in this process: whoever does so often is guessing. */
export class Misses implements AsyncDisposable {
  readonly #options: MissesOptions
  readonly #known = new Map<string, Missed>()
  readonly #raising = new Set<Promise<void>>()

  constructor(options: MissesOptions) {
    this.#options = options
  }

  /** @throws problem `request.too_many_misses` */
  readonly judge = (actor: Actor): void => {
    const { limit, clock } = this.#options
    const missed = countersOf(actor)
      .map((counter) => this.#current(counter))
      .find((missed) => missed && missed.count >= limit)
    if (!missed) return
    const leftMs = missed.endsAtMs - clock.monotonicMs()
    throw problems.tooManyMisses({
      ...{ limit, retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)) },
      rateLimit: { name: 'misses', limit, windowSeconds: WINDOW_MS / 1000 },
    })
  }

  readonly note = ({ actor, client, correlationId, asked }: Miss): void => {
    const [counter] = countersOf(actor)
    const person = personOf(actor)
    if (counter === undefined || person === undefined) return
    const { limit, clock } = this.#options
    const endsAtMs = clock.monotonicMs() + WINDOW_MS
    const missed = this.#current(counter) ?? this.#begin(counter, endsAtMs)
    if (asked !== undefined && isAgain(missed, asked)) return
    missed.count++
    if (missed.count !== Math.ceil(limit / ALERT_PART)) return
    const raising = this.#raise({ actor, client, correlationId }, person, missed.count)
    this.#raising.add(raising)
    void raising.finally(() => this.#raising.delete(raising))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#raising)
  }

  #current(counter: string): Missed | undefined {
    const missed = this.#known.get(counter)
    return missed && missed.endsAtMs > this.#options.clock.monotonicMs() ? missed : undefined
  }

  #begin(counter: string, endsAtMs: number): Missed {
    const missed = { count: 0, endsAtMs, last: new Set<string>() }
    // Last again, so that the first is the one that ends first.
    this.#known.delete(counter)
    this.#known.set(counter, missed)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return missed
  }

  async #raise(situation: Situation, subject: string, count: number): Promise<void> {
    const detail = `${count} requests within 15 minutes, each for something else that is not there.`
    const accountId = 'accountId' in situation.actor ? situation.actor.accountId : undefined
    const sighting = { kind: 'many_misses', subject, accountId, detail } as const
    try {
      await this.#options.contextFor(situation).transaction((ctx) => raise(ctx, sighting))
    } catch (error) {
      this.#options.log.error({ err: error, subject }, 'an alert was not raised')
    }
  }
}

/** Whether it is one of the last that were missed; from now on it is the last of them. */
function isAgain({ last }: Missed, asked: string): boolean {
  const one = hash('sha256', asked, 'base64url')
  const isKnown = last.delete(one)
  last.add(one)
  const [oldest] = last
  if (last.size > REMEMBERED && oldest !== undefined) last.delete(oldest)
  return isKnown
}

/**
 * Where misses are counted, and then what else they are refused for. All keys of one person share a counter, so that a new one is no new
 * start. It is not the person's own: whoever got hold of a key must not keep them from revoking it.
 */
function countersOf(actor: Actor): string[] {
  const person = personOf(actor)
  if (person === undefined) return []
  return actor.kind === 'key' ? [`${person} keys`, person] : [person]
}

/** A key is whoever made it; who acts as another is themselves. */
function personOf(actor: Actor): string | undefined {
  return actor.kind === 'key' ? actor.userId : whoActs(actor)
}
