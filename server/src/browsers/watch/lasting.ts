import type { Logger } from '#kernel/log.ts'
import { Connection, type ConnectionOptions } from './connection.ts'

const OPEN_DEADLINE_MS = 10_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

export interface LastingOptions extends Omit<ConnectionOptions, 'signal'> {
  endpoint: string
  log: Logger
  /** Called for each connection, and awaited; a throw makes another attempt. */
  start: (connection: Connection) => Promise<void>
  /** What a lost connection had told is void. */
  onLost?: () => void
}

/** A connection that is opened again when it goes away, until it is disposed of. The first attempt is made at once. */
export class LastingConnection implements Disposable {
  readonly #options: LastingOptions
  readonly #closing = new AbortController()
  #current: Connection | undefined
  #pauseMs = FIRST_PAUSE_MS
  #timer: NodeJS.Timeout | undefined

  private constructor(options: LastingOptions) {
    this.#options = options
  }

  /** @throws CdpClosed or CdpError when the first attempt fails */
  static async open(options: LastingOptions): Promise<LastingConnection> {
    const lasting = new LastingConnection(options)
    try {
      await lasting.#connect()
      return lasting
    } catch (error) {
      lasting[Symbol.dispose]()
      throw error
    }
  }

  /** Absent while there is none. */
  get current(): Connection | undefined {
    return this.#current
  }

  [Symbol.dispose](): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#current?.[Symbol.dispose]()
    this.#current = undefined
  }

  async #connect(): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(OPEN_DEADLINE_MS)])
    const connection = await Connection.open(this.#options.endpoint, { ...this.#options, signal })
    this.#current = connection
    try {
      await this.#options.start(connection)
      signal.throwIfAborted()
    } catch (error) {
      this.#current = undefined
      connection[Symbol.dispose]()
      this.#options.onLost?.()
      throw error
    }
    this.#pauseMs = FIRST_PAUSE_MS
    if (connection.gone.aborted) this.#lose()
    else connection.gone.addEventListener('abort', () => this.#lose(), { once: true })
  }

  #lose(): void {
    this.#current = undefined
    this.#options.onLost?.()
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#closing.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#connect().catch((error: unknown) => {
        this.#options.log.debug({ err: error }, 'a browser is not watched')
        this.#retryLater()
      })
    }, this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }
}
