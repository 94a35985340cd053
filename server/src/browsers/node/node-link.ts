import { type Dispatcher, Pool } from 'undici'
import { Ticker } from '#kernel/ticker.ts'
import type { Logger } from '#kernel/log.ts'
import { connectorTo } from './pinned.ts'
import { paths } from './wire.ts'

export interface NodeLinkOptions {
  /** `https://10.0.0.7:8701` */
  url: string
  /** SHA-256 of its certificate, `AB:CD:…`. Nothing else about the certificate counts. */
  fingerprint: string
  log: Logger
}

const CONNECTIONS = 64
const PULSE_EVERY_MS = 3_000
const PULSE_MS = 4_000
/** Pulses in a row without an answer after which the network counts as broken. */
const MISSED = 3
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
  #open = 0
  #missed = 0
  #restUntilMs = -Infinity
  #closed = false

  constructor(options: NodeLinkOptions) {
    this.#options = options
    this.#calls = this.#pool(CONNECTIONS)
    this.#pulse = this.#pool(1)
    const work = () => this.#feelPulse()
    const { log } = options
    this.#beating = new Ticker({ name: 'feel a node’s pulse', everyMs: PULSE_EVERY_MS, log, work })
    this.#beating.start()
  }

  get isDown(): boolean {
    return performance.now() < this.#restUntilMs
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The answer's body has to be read or destroyed. @throws Unheard, or Error when the connection broke */
  async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.#open++
    const done = () => void this.#open--
    try {
      const answer = await this.#calls.request(options)
      answer.body.once('close', done)
      return answer
    } catch (error) {
      done()
      if (!neverConnected(error)) throw error
      this.#restUntilMs = performance.now() + REST_MS
      throw new Unheard(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#beating[Symbol.asyncDispose]()
    await Promise.all([this.#calls.destroy(), this.#pulse.destroy()])
  }

  #pool(connections: number): Pool {
    const { url, fingerprint } = this.#options
    return new Pool(url, {
      ...{ connect: connectorTo(fingerprint), connections, pipelining: 1 },
      ...{ bodyTimeout: 0, headersTimeout: 0 },
    })
  }

  async #feelPulse(): Promise<void> {
    if (this.#open === 0) return void (this.#missed = 0)
    try {
      const { body } = await this.#pulse.request({
        ...{ method: 'GET', path: paths.pulse, headersTimeout: PULSE_MS },
        signal: AbortSignal.timeout(PULSE_MS),
      })
      await body.dump()
      this.#missed = 0
    } catch (error) {
      if (++this.#missed >= MISSED && !this.#closed) await this.#beginAnew(error as Error)
    }
  }

  async #beginAnew(error: Error): Promise<void> {
    this.#options.log.warn({ err: error, url: this.#options.url }, 'a node does not answer')
    this.#restUntilMs = performance.now() + PULSE_EVERY_MS + REST_MS
    const broken = this.#calls
    this.#calls = this.#pool(CONNECTIONS)
    await broken.destroy(new Error('the node does not answer', { cause: error }))
  }
}

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

function neverConnected(error: unknown): boolean {
  const { code, name } = error as { code?: string; name?: string }
  return name === 'OtherCertificate' || (code !== undefined && NEVER_CONNECTED.has(code))
}
