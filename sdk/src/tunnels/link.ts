import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import type { Socket } from 'node:net'
import { dialRelay, type RelayDial } from './dial-relay.ts'
import { readJsonLines, writeJsonLine } from './json-lines.ts'
import { type AgentMessage, type RelayMessage, STREAM_WINDOW } from './link-protocol.ts'
import { serveConnect, type SpliceOptions } from './splice.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Timing } from './timing.ts'
import { Windows } from './windows.ts'

/** Of a relay that asks for more than it ever should; what it may ask for is the limit of each tunnel. */
const MOST_STREAMS = 16_384
/** MiB. Of Node's ten, a hundred stalled visitors would have the whole link refuse streams. */
const SESSION_MEMORY = 1_024

type Welcome = Extract<RelayMessage, { type: 'welcome' }>

export interface LinkOptions extends SpliceOptions {
  relay: { id: string; url: string }
  runId: string
  dial: Omit<RelayDial, 'url' | 'stepMs'>
  timing: Timing
  onMessage(message: RelayMessage, link: Link): void
}

/** One connection to a relay, on which it opens a stream for each connection to a local service. */
export class Link {
  readonly relay: { readonly id: string; readonly url: string }
  /** Of the agent that has opened it. */
  readonly runId: string
  /** Why it ended; undefined for one that ended in order. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** Resolves when the relay asks this agent to go to another, or the link ends. */
  readonly left: Promise<void>
  /** What the relay said when the link stood. */
  welcome!: Welcome
  /** The relay goes, or this agent does: it takes nothing new. */
  leaving = false
  readonly #socket: Socket
  readonly #session: ServerHttp2Session
  readonly #heartbeat: Heartbeat
  readonly #windows: Windows
  readonly #options: LinkOptions
  readonly #left = Promise.withResolvers<void>()
  readonly #welcomed = Promise.withResolvers<Welcome>()
  #control: ServerHttp2Stream | undefined
  #streams = 0
  #why: Error | undefined

  /** Resolves once the relay has said that the link stands. @throws GantryError when it refuses, or what the network said */
  static async open(options: LinkOptions): Promise<Link> {
    const { relay, dial, timing } = options
    const socket = await dialRelay({ ...dial, url: relay.url, stepMs: timing.stepMs })
    const link = new Link(socket, options)
    const silence = new Error(`the relay said nothing in ${timing.stepMs} ms`)
    const late = setTimeout(() => link.destroy(silence), timing.stepMs)
    const leave = () => link.destroy(dial.signal.reason as Error)
    dial.signal.addEventListener('abort', leave, { once: true })
    try {
      link.welcome = await link.#welcomed.promise
      return link
    } finally {
      clearTimeout(late)
      dial.signal.removeEventListener('abort', leave)
    }
  }

  private constructor(socket: Socket, options: LinkOptions) {
    this.#options = options
    this.relay = options.relay
    this.runId = options.runId
    this.#socket = socket
    this.#session = performServerHandshake(socket, {
      maxSessionMemory: SESSION_MEMORY,
      settings: { initialWindowSize: STREAM_WINDOW, maxConcurrentStreams: MOST_STREAMS },
    })
    this.#windows = new Windows(this.#session)
    this.#heartbeat = new Heartbeat(this.#session, socket, options.timing, {
      onRoundTrip: (ms) => this.#windows.roundTrip(ms),
      onDead: (error) => this.destroy(error),
    })
    this.left = this.#left.promise
    this.closed = this.#follow(socket)
    this.#session.on('stream', (stream, headers) => this.#serve(stream, headers))
  }

  /** Connections to local services that it carries now. */
  get streams(): number {
    return this.#streams
  }

  /** Of the last PING, in ms; undefined before the first answer. */
  get roundTripMs(): number | undefined {
    return this.#heartbeat.roundTripMs
  }

  /** Asks now whether the other side is still there, and gives it less time than usual. */
  probe(): void {
    this.#heartbeat.probe()
  }

  tell(message: AgentMessage): void {
    if (this.#control) writeJsonLine(this.#control, message)
  }

  /** Takes nothing new; the relay closes the link once what is under way is done. */
  leave(): void {
    this.leaving = true
    this.#left.resolve()
    this.tell({ type: 'leave' })
  }

  /** Ends everything on it at once. */
  destroy(why?: Error): void {
    this.#why ??= why
    this.#session.destroy(undefined, constants.NGHTTP2_NO_ERROR)
    // A session that was closing waits for the other side, which may be gone.
    this.#socket.destroy()
  }

  #follow(socket: Socket): Promise<Error | undefined> {
    const closed = Promise.withResolvers<Error | undefined>()
    const note = (error: Error) => (this.#why ??= error)
    this.#session.on('error', note)
    this.#session.once('goaway', () => {
      this.leaving = true
      this.#left.resolve()
    })
    socket.on('error', note)
    this.#session.once('close', () => {
      this.#heartbeat.stop()
      socket.destroy()
      const why = this.#why ?? (this.leaving ? undefined : new Error('the relay closed the link'))
      this.#welcomed.reject(why ?? new Error('the link was left'))
      this.#left.resolve()
      closed.resolve(why)
    })
    this.#welcomed.promise.catch(() => {})
    return closed.promise
  }

  #serve(stream: ServerHttp2Stream, headers: Record<string, unknown>): void {
    if (headers[':method'] === 'CONNECT') {
      this.#streams++
      this.#windows.streams(1)
      stream.once('close', () => {
        this.#streams--
        this.#windows.streams(-1)
      })
      serveConnect(stream, headers as never, this.#options)
    } else if (headers[':path'] === '/control' && !this.#control) {
      this.#openControl(stream)
    } else {
      stream.on('error', () => {})
      stream.respond({ ':status': 404 }, { endStream: true })
    }
  }

  #openControl(stream: ServerHttp2Stream): void {
    this.#control = stream
    stream.on('error', () => {})
    stream.once('end', () => stream.end())
    // In order, what is under way ends first.
    stream.once('close', () => {
      if (this.leaving) this.#session.close()
      else this.destroy()
    })
    stream.respond({ ':status': 200 })
    readJsonLines(stream, (line) => {
      const message = line as RelayMessage
      if (message.type === 'drain') {
        this.leaving = true
        this.#left.resolve()
      }
      if (message.type === 'welcome') this.#welcomed.resolve(message)
      else this.#options.onMessage(message, this)
    })
  }
}
