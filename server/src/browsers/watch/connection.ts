import type WebSocket from 'ws'
import type { Logger } from '#kernel/log.ts'
import { CdpClosed, CdpError, openWebSocket, parseMessage } from '../driver/cdp.ts'

const COMMAND_DEADLINE_MS = 10_000
const MAX_WAITING = 1_000

interface Waiting {
  method: string
  sessionId: string | undefined
  resolve: (result: unknown) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}

export interface ConnectionOptions {
  signal: AbortSignal
  /** A longer message is passed over unread: parsing what a page has blown up would hold up every session of this process. */
  maxReadBytes: number
  onEvent: (method: string, params: Record<string, unknown>, sessionId: string | undefined) => void
  onUnread?: () => void
  log: Logger
}

/** Beyond it the connection is closed, before the message is in memory. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

/** A socket to a browser's DevTools endpoint that no page can make expensive. */
export class Connection implements Disposable {
  readonly #socket: WebSocket
  readonly #options: ConnectionOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #gone = new AbortController()
  #lastId = 0

  private constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('message', (data) => this.#receive(data as Buffer))
    socket.on('error', (error) => this.#lose(error.message))
    socket.on('close', (code) => this.#lose(`code ${code}`))
  }

  /** @throws CdpClosed when there is nobody at the endpoint, or the reason of the signal, which covers the opening only */
  static async open(endpoint: string, options: ConnectionOptions): Promise<Connection> {
    const limits = { maxPayload: MAX_MESSAGE_BYTES }
    return new Connection(await openWebSocket(endpoint, options.signal, limits), options)
  }

  /** Aborts, with a CdpClosed, when the connection goes away. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Waits at most 10 s for the answer. @throws CdpError or CdpClosed */
  send<Result = void>(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    if (this.gone.aborted) return Promise.reject(this.gone.reason)
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(new CdpError(method, 'too many commands wait for an answer'))
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const id = ++this.#lastId
    const timer = setTimeout(() => {
      this.#waiting.delete(id)
      reject(new CdpError(method, 'no answer in time'))
    }, COMMAND_DEADLINE_MS)
    this.#waiting.set(id, { method, sessionId, resolve, reject, timer })
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return promise as Promise<Result>
  }

  /** For what may be refused, since its target may be gone already. */
  tell(method: string, params: object = {}, sessionId?: string): void {
    this.send(method, params, sessionId).catch(() => {})
  }

  [Symbol.dispose](): void {
    this.#lose('the watcher let go')
    this.#socket.terminate()
  }

  #receive(bytes: Buffer): void {
    if (this.gone.aborted) return
    if (bytes.length > this.#options.maxReadBytes) return this.#options.onUnread?.()
    const { id, method, params = {}, sessionId, result, error } = parseMessage(bytes)
    if (id === undefined) {
      // Chromium leaves the commands of a closed target unanswered.
      if (method === 'Target.detachedFromTarget') this.#forget(String(params.sessionId))
      return this.#tell(method!, params, sessionId)
    }
    const waiting = this.#take(id)
    if (error) waiting?.reject(new CdpError(waiting.method, error.message))
    else waiting?.resolve(result)
  }

  /** An event of an unexpected shape must not end the process. */
  #tell(method: string, params: Record<string, unknown>, sessionId: string | undefined): void {
    try {
      this.#options.onEvent(method, params, sessionId)
    } catch (error) {
      this.#options.log.debug({ err: error, method }, 'an event of a browser is not understood')
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(id)
    return waiting
  }

  #forget(sessionId: string): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.sessionId !== sessionId) continue
      this.#take(id)
      waiting.reject(new CdpError(waiting.method, 'the target was closed'))
    }
  }

  #lose(detail: string): void {
    if (this.gone.aborted) return
    const error = new CdpClosed(detail)
    for (const id of this.#waiting.keys()) this.#take(id)?.reject(error)
    this.#gone.abort(error)
  }
}
