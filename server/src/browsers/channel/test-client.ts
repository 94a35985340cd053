import { once } from 'node:events'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { eventually } from '#kernel/test-support.ts'

export interface ChannelEvent {
  sessionId: string
  id: number
  at: string
  kind: string
  // A test knows what it waits for.
  // oxlint-disable-next-line typescript/no-explicit-any
  data: Record<string, any>
}

// oxlint-disable-next-line typescript/no-explicit-any
type Answer = { ok: boolean; result?: any; problem?: any }

const DEADLINE_MS = 60_000

interface UnderlyingSocket {
  _socket?: { destroy(): void }
  pause(): void
  resume(): void
}

/** A stranger's client, as the documentation has it. */
export class TestClient implements Disposable {
  readonly socket: Socket
  readonly events: ChannelEvent[] = []
  readonly closings: { code: string }[] = []
  #reason: string | undefined

  constructor(url: string, options: Partial<ManagerOptions & SocketOptions> = {}) {
    const patient = { timeout: DEADLINE_MS, reconnectionDelay: 20 }
    this.socket = io(url, { forceNew: true, ...patient, ...options })
    this.socket.on('event', (event: ChannelEvent) => this.events.push(event))
    this.socket.on('connect', () => (this.#reason = undefined))
    this.socket.on('disconnect', (reason) => (this.#reason = reason))
    this.socket.on('closing', (problem: { code: string }) => this.closings.push(problem))
  }

  static async open(
    url: string,
    token: string,
    options: Partial<ManagerOptions & SocketOptions> = {},
  ): Promise<TestClient> {
    const client = new TestClient(url, { auth: { token }, ...options })
    await client.connected()
    return client
  }

  async connected(): Promise<void> {
    if (this.socket.connected) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.socket.once('connect', resolve)
    this.socket.once('connect_error', reject)
    const timer = setTimeout(() => reject(new Error('not connected in time')), DEADLINE_MS)
    await promise.finally(() => clearTimeout(timer))
  }

  ask(event: string, message?: unknown): Promise<Answer> {
    return this.socket.timeout(DEADLINE_MS).emitWithAck(event, message) as Promise<Answer>
  }

  command(sessionId: string, type: string, params?: object): Promise<Answer> {
    return this.ask('command', { sessionId, type, ...(params && { params }) })
  }

  watch(sessionId: string, more: object = {}): Promise<Answer> {
    return this.ask('watch', { sessionId, ...more })
  }

  /** The first event so far, or from now on, that is as wished. */
  event(what: string, isIt: (event: ChannelEvent) => boolean): Promise<ChannelEvent> {
    return eventually(what, () => this.events.find(isIt), DEADLINE_MS)
  }

  /** Why the server, or the network, has ended the connection. */
  closed(): Promise<string> {
    return eventually('it is disconnected', () => this.#reason, DEADLINE_MS)
  }

  /** Ends the TCP connection as a network does, without a word, and resolves once the client has noticed. */
  async cut(): Promise<void> {
    const webSocket = await this.#webSocket()
    const noticed = once(this.socket as never, 'disconnect')
    webSocket._socket?.destroy()
    await noticed
  }

  /** Reads nothing more until it is resumed. */
  async pause(): Promise<{ resume(): void }> {
    const webSocket = await this.#webSocket()
    webSocket.pause()
    return { resume: () => webSocket.resume() }
  }

  [Symbol.dispose](): void {
    this.socket.disconnect()
  }

  /** It has one once it is done with polling. */
  #webSocket(): Promise<UnderlyingSocket> {
    return eventually('it speaks over a WebSocket', () => {
      const { transport } = this.socket.io.engine as unknown as {
        transport: { ws?: UnderlyingSocket }
      }
      return this.socket.connected && transport.ws
    })
  }
}

/** Why a client was not let in. */
export async function refusalOf(client: TestClient): Promise<{ message: string; code?: string }> {
  try {
    await client.connected()
  } catch (error) {
    const { message, data } = error as Error & { data?: { code: string } }
    return { message, ...(data && { code: data.code }) }
  } finally {
    client[Symbol.dispose]()
  }
  throw new Error('it was let in')
}
