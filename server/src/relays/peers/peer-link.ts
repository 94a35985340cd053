import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '#kernel/log.ts'
import { connectTo, PROBE_AFTER_MS } from '#kernel/pinned.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { Peer } from '../control.ts'
import { PULSE_PATH } from './wire.ts'

const IDLE_MS = 30_000
const MAX_IDLE = 64
/** Visitors are limited where they come in; this only keeps a mistake small. */
const MAX_CONNECTIONS = 4_096
const PULSE_EVERY_MS = 3_000
const PULSE_MS = 3_000
/** Pulses in a row without an answer after which the network counts as broken. */
const MISSED = 3
/** How long a relay that could not be reached is asked last. */
const REST_MS = 5_000

/** There is no connection to the relay, so that it has heard nothing. */
export class Unreached extends Error {
  constructor(cause: unknown) {
    super('no connection to the relay', { cause })
    this.name = 'Unreached'
  }
}

export interface Asked {
  method: string
  path: string
  /** Names and values, one after the other. */
  headers: readonly string[]
}

/**
 * The connections to another relay: kept alive, each sure of the fingerprint at the other end. A network that swallows packets breaks no
 * connection: while something is under way the relay is asked every 3 s whether it is there, and after three silences all is cut.
 */
export class PeerLink implements AsyncDisposable {
  readonly peer: Peer
  readonly #log: Logger
  readonly #agent: PinnedAgent
  readonly #beating: Ticker
  readonly #open = new Set<Duplex>()
  #isBeating = false
  #missed = 0
  #restUntilMs = -Infinity

  constructor(peer: Peer, log: Logger) {
    this.peer = peer
    this.#log = log
    this.#agent = new PinnedAgent(peer, (socket) => this.#track(socket))
    this.#agent.onUnreached = () => (this.#restUntilMs = performance.now() + REST_MS)
    const work = () => this.#feelPulse()
    this.#beating = new Ticker({ name: 'feel a relay’s pulse', everyMs: PULSE_EVERY_MS, log, work })
  }

  /** Whether it could not be reached a moment ago. */
  get isDown(): boolean {
    return performance.now() < this.#restUntilMs
  }

  /** Whether nothing is open there. */
  get isQuiet(): boolean {
    return this.#open.size === 0
  }

  /** Begins to ask, over a connection that waits or a new one. It fails with `Unreached` when there is none. */
  ask({ method, path, headers }: Asked): ClientRequest {
    if (!this.#isBeating) this.#beating.start()
    this.#isBeating = true
    return request({ method, path, headers: [...headers], agent: this.#agent })
  }

  /** Nothing new is to go there: what waits is closed, what is under way ends by itself. */
  retire(): void {
    this.#agent.destroyIdle()
  }

  /** Cuts what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#beating[Symbol.asyncDispose]()
    this.#agent.destroy()
    for (const socket of this.#open) socket.destroy()
  }

  #track(socket: Duplex): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
  }

  async #feelPulse(): Promise<void> {
    if (this.#open.size === 0) return void (this.#missed = 0)
    try {
      await this.#pulse()
      this.#missed = 0
    } catch (error) {
      if (++this.#missed < MISSED) return
      this.#missed = 0
      this.#restUntilMs = performance.now() + REST_MS
      const { relayId, internalUrl: url } = this.peer
      this.#log.warn({ err: error, relay: relayId, url }, 'a relay does not answer')
      for (const socket of this.#open) socket.destroy(new Error('the relay does not answer'))
    }
  }

  #pulse(): Promise<void> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(PULSE_MS)
      // A request that still waits for its connection says nothing of that.
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      const asked = request({ path: PULSE_PATH, agent: this.#agent, signal })
      asked.once('error', reject)
      asked.once('response', (answer: IncomingMessage) => {
        answer.resume()
        answer.once('end', resolve)
      })
      asked.end()
    })
  }
}

/** Keeps connections that were sure of the fingerprint when they were made. */
class PinnedAgent extends Agent {
  onUnreached: () => void = () => {}
  readonly #peer: Peer
  readonly #onSocket: (socket: Duplex) => void

  constructor(peer: Peer, onSocket: (socket: Duplex) => void) {
    super({
      ...{ keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_IDLE },
      ...{ timeout: IDLE_MS, keepAliveMsecs: PROBE_AFTER_MS, scheduling: 'lifo' },
    })
    this.#peer = peer
    this.#onSocket = onSocket
  }

  override createConnection(
    _options: unknown,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { internalUrl, fingerprint } = this.#peer
    connectTo(new URL(internalUrl), fingerprint).then(
      (socket) => {
        socket.setNoDelay(true)
        this.#onSocket(socket)
        done?.(null, socket)
      },
      (error: unknown) => {
        this.onUnreached()
        done?.(new Unreached(error), undefined as never)
      },
    )
    return undefined
  }

  destroyIdle(): void {
    for (const sockets of Object.values(this.freeSockets)) sockets?.forEach((one) => one.destroy())
  }
}
