import { randomUUID } from 'node:crypto'
import { actorId, type Context } from '#kernel/context.ts'
import type { Situation } from '#kernel/kernel.ts'
import type { Logger } from '#kernel/log.ts'
import type { Refusal } from '#kernel/refusal.ts'
import { Ticker } from '#kernel/ticker.ts'
import { refused } from './events.ts'

export interface RefusalsOptions {
  contextFor: (situation: Situation) => Context
  log: Logger
  /** 10 minutes unless given. */
  windowMs?: number
}

const WINDOW_MS = 10 * 60 * 1000
/** Of one actor in one window; what is more is told as one. */
const MAX_OF_ACTOR = 20
/** Of all actors of a process in one window: 40,000 events a day at the very most. */
const MAX_KNOWN = 256
const SEVERAL = { wanted: 'several', code: 'several' }
/** Strangers have a part of the room and no more: many addresses shall not crowd out those who are signed in. */
const MAX_STRANGERS = 64
/** What there was no room for. */
const OTHERS: Refusal = {
  ...{ actor: { kind: 'system', name: 'refusals' }, client: { address: '' }, correlationId: '' },
  ...{ wanted: 'others', code: 'several' },
}

/** What was refused in this window, and how often since it was last written. */
interface Known {
  refusal: Refusal
  count: number
}

/**
 * Writes down who was refused what. The first of its kind is written at once, repeats within a window when that ends, as one event with
 * their number: a flood of refusals fills no disk.
 */
export class Refusals implements AsyncDisposable {
  readonly #options: RefusalsOptions
  readonly #window: Ticker
  readonly #writing = new Set<Promise<void>>()
  #known = new Map<string, Known>()
  #ofActors = new Map<string, number>()
  #strangers = 0
  #others = 0

  constructor(options: RefusalsOptions) {
    this.#options = options
    const { log, windowMs = WINDOW_MS } = options
    const work = () => this.flush()
    this.#window = new Ticker({ name: 'count refusals', everyMs: windowMs, log, work })
    this.#window.start()
  }

  readonly note = (refusal: Refusal): void => {
    const { address } = refusal.client
    const { actor } = refusal
    const whose = actor.kind === 'anonymous' ? address : (actorId(actor) ?? actor.kind)
    const key = [whose, address, refusal.wanted, refusal.code].join(' ')
    const known = this.#known.get(key)
    if (known) return void known.count++
    const ofActor = this.#ofActors.get(whose) ?? 0
    if (ofActor < MAX_OF_ACTOR) return this.#begin(key, whose, refusal)
    const rest = this.#known.get(whose)
    if (rest) rest.count++
    else this.#begin(whose, whose, { ...refusal, ...SEVERAL })
  }

  /** Writes the repeats, and begins a new window. */
  async flush(): Promise<void> {
    const known = this.#known
    this.#known = new Map()
    this.#ofActors = new Map()
    const others = this.#others
    this.#strangers = this.#others = 0
    for (const { refusal, count } of known.values()) {
      if (count > 0) await this.#write(refusal, count)
    }
    if (others > 0) await this.#write({ ...OTHERS, correlationId: randomUUID() }, others)
    await Promise.all(this.#writing)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#window[Symbol.asyncDispose]()
    await this.flush()
  }

  #begin(key: string, whose: string, refusal: Refusal): void {
    const isStranger = refusal.actor.kind === 'anonymous'
    const isFull = this.#known.size >= MAX_KNOWN || (isStranger && this.#strangers >= MAX_STRANGERS)
    if (isFull) return void this.#others++
    if (isStranger) this.#strangers++
    this.#known.set(key, { refusal, count: 0 })
    this.#ofActors.set(whose, (this.#ofActors.get(whose) ?? 0) + 1)
    const writing = this.#write(refusal, 1).finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  async #write(refusal: Refusal, count: number): Promise<void> {
    const { actor, client, correlationId, wanted, code } = refusal
    try {
      const from = client.address === '' ? {} : { client }
      const ctx = this.#options.contextFor({ actor, correlationId, ...from })
      await ctx.transaction((ctx) => ctx.events.emit(refused, { wanted, code, count }))
    } catch (error) {
      this.#options.log.error({ err: error, wanted, code, count }, 'a refusal was not written down')
    }
  }
}
