import { once } from 'node:events'
import WebSocket from 'ws'

/** A message of the DevTools protocol. Chromium's own types are not carried: each reader names the few members that it reads. */
export interface CdpMessage {
  id?: number
  method?: string
  params?: Record<string, unknown>
  sessionId?: string
  result?: unknown
  error?: { code: number; message: string }
}

/** Chromium refused a command, or took back a command's target before it answered. */
export class CdpError extends Error {
  constructor(method: string, message: string) {
    super(`${method}: ${message}`)
    this.name = 'CdpError'
  }
}

/** The connection went away, and with it most likely the browser. */
export class CdpClosed extends Error {
  constructor(detail: string) {
    super(`the DevTools connection is closed: ${detail}`)
    this.name = 'CdpClosed'
  }
}

export interface SendOptions {
  /** Of an attached target; the browser itself when absent. */
  sessionId?: string
  /** Ends the wait, not the command; every call has one, since a page may never answer. */
  signal: AbortSignal
}

interface Waiting {
  method: string
  sessionId?: string
  resolve: (result: unknown) => void
  reject: (error: Error) => void
}

// A screenshot of 100 megapixels in base64 fits; a page cannot make a command's answer larger than that.
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024

/** One socket to a browser's DevTools endpoint. */
export class CdpSocket implements Disposable {
  /** Called with every event, in the order in which they came. */
  onEvent:
    | ((method: string, params: Record<string, unknown>, sessionId?: string) => void)
    | undefined
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, Waiting>()
  readonly #gone = new AbortController()
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => this.#receive(parseMessage(data)))
    socket.on('error', (error) => this.#lose(error.message))
    socket.on('close', (code) => this.#lose(`code ${code}`))
  }

  /** @throws CdpClosed when there is nobody at the endpoint, or the reason of `signal` */
  static async open(endpoint: string, signal: AbortSignal): Promise<CdpSocket> {
    const socket = await openWebSocket(endpoint, signal)
    return new CdpSocket(socket)
  }

  /** Aborts, with a CdpClosed, when the connection goes away. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** @throws CdpError, CdpClosed, or the reason of `signal` */
  send<Result>(
    method: string,
    params: object,
    { sessionId, signal }: SendOptions,
  ): Promise<Result> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.gone.aborted) return Promise.reject(this.gone.reason)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const id = ++this.#lastId
    const abandon = () => {
      this.#waiting.delete(id)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abandon, { once: true })
    this.#waiting.set(id, { method, sessionId, resolve, reject })
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return promise.finally(() => signal.removeEventListener('abort', abandon)) as Promise<Result>
  }

  [Symbol.dispose](): void {
    this.#lose('the driver let go')
    this.#socket.terminate()
  }

  #receive({ id, method, params = {}, sessionId, result, error }: CdpMessage): void {
    if (id === undefined) {
      if (method === 'Target.detachedFromTarget') this.#forget(String(params.sessionId))
      this.onEvent?.(method!, params, sessionId)
      return
    }
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiting?.reject(new CdpError(waiting.method, error.message))
    else waiting?.resolve(result)
  }

  /** Chromium leaves the commands of a closed target unanswered. */
  #forget(sessionId: string): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.sessionId !== sessionId) continue
      this.#waiting.delete(id)
      waiting.reject(new CdpError(waiting.method, 'the target was closed'))
    }
  }

  #lose(detail: string): void {
    if (this.gone.aborted) return
    const error = new CdpClosed(detail)
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#gone.abort(error)
  }
}

/** One message per frame, as the default form of binary data: a Buffer. */
export function parseMessage(data: WebSocket.RawData): CdpMessage {
  return JSON.parse((data as Buffer).toString('utf8')) as CdpMessage
}

/** @throws CdpClosed when there is nobody at the endpoint, or the reason of `signal` */
export async function openWebSocket(
  endpoint: string,
  signal: AbortSignal,
  options: WebSocket.ClientOptions = {},
): Promise<WebSocket> {
  const socket = new WebSocket(endpoint, {
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    ...options,
  })
  // Terminating a socket that is still connecting emits an error, which has to find a listener.
  socket.on('error', () => {})
  try {
    await once(socket, 'open', { signal })
    return socket
  } catch (error) {
    socket.terminate()
    if (signal.aborted) throw signal.reason
    throw new CdpClosed(error instanceof Error ? error.message : String(error))
  }
}
