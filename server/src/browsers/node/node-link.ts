import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher, Pool } from 'undici'
import type { Logger } from '#kernel/log.ts'
import { connectorTo, neverConnected } from '#kernel/pinned.ts'
import { Ticker } from '#kernel/ticker.ts'
import { undici } from '#kernel/undici.ts'
import { paths } from './wire.ts'

export interface NodeLinkOptions {
  /** `https://10.0.0.7:8701` */
  url: string
  /** SHA-256 of its certificate, `AB:CD:…`. Nothing else about the certificate counts. */
  fingerprint: string
  log: Logger
}

const CONNECTIONS = 64
/** Each is open for as long as somebody follows a session. */
const FEED_CONNECTIONS = 1_024
const PULSE_EVERY_MS = 3_000
const PULSE_MS = 4_000
/** Pulses in a row without an answer after which the network counts as broken. */
const MISSED = 3
/** A launch may take long; while it does, the node is asked so often whether it answers at all. */
const ASK_EVERY_MS = 1_000
/** How long a node that could not be reached is left alone by new sessions. */
const REST_MS = 5_000

/** The call failed before a word of it had reached the node. */
export class Unheard extends Error {
  constructor(cause: unknown) {
    super('no connection to the node', { cause })
    this.name = 'Unheard'
  }
}

/**
 * The connections to one node. A network that swallows packets breaks no connection: so while calls are under way, it is asked every
 * 3 s whether the node still answers, and when it has not three times, the calls fail and the connections are made anew.
 */
export class NodeLink implements AsyncDisposable {
  readonly #options: NodeLinkOptions
  readonly #pulse: Pool
  readonly #beating: Ticker
  #calls: Pool
  #feeds: Pool
  #open = 0
  #missed = 0
  #restUntilMs = -Infinity
  /** It did not answer when it was last asked: nothing is begun there until it does. */
  #silent = false
  #asking: Promise<void> | undefined
  #closed = false

  constructor(options: NodeLinkOptions) {
    this.#options = options
    this.#calls = this.#pool(CONNECTIONS)
    this.#feeds = this.#pool(FEED_CONNECTIONS)
    this.#pulse = this.#pool(1)
    const work = () => this.#feelPulse()
    const { log } = options
    this.#beating = new Ticker({ name: 'feel a node’s pulse', everyMs: PULSE_EVERY_MS, log, work })
    this.#beating.start()
  }

  get isDown(): boolean {
    return this.#silent || performance.now() < this.#restUntilMs
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The answer's body has to be read or destroyed. @throws Unheard, or Error when the connection broke */
  readonly request = (options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> =>
    this.#send(this.#calls, options)

  /** As `request`, for an answer that does not end by itself: however many there are, calls do not wait for them. */
  readonly follow = (options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> =>
    this.#send(this.#feeds, options)

  /** Asks the node again and again whether it answers, until it does not, which aborts `silent`, or this is disposed of. */
  watch(): { silent: AbortSignal } & Disposable {
    const [silent, stop] = [new AbortController(), new AbortController()]
    void this.#watch(silent, stop.signal).catch(() => {})
    return { silent: silent.signal, [Symbol.dispose]: () => stop.abort() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#beating[Symbol.asyncDispose]()
    await Promise.all([this.#calls, this.#feeds, this.#pulse].map((pool) => pool.destroy()))
  }

  async #send(pool: Pool, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.#open++
    const done = () => void this.#open--
    try {
      const answer = await pool.request(options)
      answer.body.once('close', done)
      return answer
    } catch (error) {
      done()
      if (!neverConnected(error)) throw error
      this.#restUntilMs = performance.now() + REST_MS
      throw new Unheard(error)
    }
  }

  #pool(connections: number): Pool {
    const { url, fingerprint } = this.#options
    return new (undici().Pool)(url, {
      ...{ connect: connectorTo(fingerprint), connections, pipelining: 1 },
      ...{ bodyTimeout: 0, headersTimeout: 0 },
    })
  }

  async #watch(silent: AbortController, stopped: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(ASK_EVERY_MS, undefined, { signal: stopped })
      try {
        await this.#ask()
      } catch (error) {
        if (stopped.aborted || this.#closed) return
        this.#fallSilent(error, 'a node is silent')
        return silent.abort(error)
      }
    }
  }

  /** One answer serves all who ask meanwhile. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  async #askNow(): Promise<void> {
    const { body } = await this.#pulse.request({
      ...{ method: 'GET', path: paths.pulse, headersTimeout: PULSE_MS },
      signal: AbortSignal.timeout(PULSE_MS),
    })
    await body.dump()
    this.#silent = false
  }

  /** Told once, until it has answered again. */
  #fallSilent(err: unknown, what: string): void {
    if (!this.#silent) this.#options.log.warn({ err, url: this.#options.url }, what)
    this.#silent = true
  }

  async #feelPulse(): Promise<void> {
    if (this.#open === 0 && !this.#silent) return void (this.#missed = 0)
    try {
      await this.#ask()
      this.#missed = 0
    } catch (error) {
      if (++this.#missed >= MISSED && !this.#closed) await this.#beginAnew(error as Error)
    }
  }

  async #beginAnew(error: Error): Promise<void> {
    this.#missed = 0
    this.#fallSilent(error, 'a node does not answer')
    this.#restUntilMs = performance.now() + PULSE_EVERY_MS + REST_MS
    const broken = [this.#calls, this.#feeds]
    this.#calls = this.#pool(CONNECTIONS)
    this.#feeds = this.#pool(FEED_CONNECTIONS)
    const why = new Error('the node does not answer', { cause: error })
    for (const pool of broken) await pool.destroy(why)
  }
}
