import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { Socket } from 'node:net'
import type { EndpointSpec } from '#tunnels/index.ts'
import {
  type AgentMessage,
  type RelayMessage,
  type RequestLine,
  STREAM_HEADERS,
} from '../link-protocol.ts'
import type { Beating } from './heartbeats.ts'
import { JsonLines, writeJsonLine } from './json-lines.ts'
import { SMALL_WINDOW, Windows } from './windows.ts'

/** MiB. With Node's ten, a hundred visitors who do not read would have the whole link refuse streams. */
const SESSION_MEMORY = 1_024
/** Whole, and in this form, so that no link keeps a copy. */
const CONTROL_HEADERS = [
  ...[':method', 'POST', ':scheme', 'http', ':authority', 'agent', ':path', '/control'],
]
const LINES_PER_SECOND = 20
/** Of what the agent has not read of the control stream: one that reads nothing is told no more requests. */
const UNREAD_BYTES = 64 * 1024

/** An agent has not reached the service: nothing has come there. */
export class NotReached extends Error {
  readonly status: number

  constructor(status: number, reason: string) {
    super(reason)
    this.name = 'NotReached'
    this.status = status
  }
}

/** The link has ended, and with it everything on it. */
export class LinkLost extends Error {
  constructor() {
    super('the link to the agent was lost')
    this.name = 'LinkLost'
  }
}

export interface LinkNames {
  id: string
  runId: string
  /** What its agent goes by. */
  label: string
}

/** Who is told of all links. */
export interface LinkOwner {
  onMessage(message: AgentMessage, link: Link): void
  onClosed(link: Link): void
}

/** Of whatever Node has for a link: which one it belongs to, so that all links share their listeners. */
const LINK = Symbol('link')
type Part<Of> = Of & { [LINK]: Link }

/** One connection of an agent, on which the relay opens a stream for each connection to a local service. */
export class Link implements Beating {
  readonly id: string
  readonly runId: string
  readonly label: string
  readonly tunnels = new Set<string>()
  readonly windows: Windows
  /** It takes nothing new: the relay drains, or the agent has said that it leaves. */
  leaving = false
  readonly #owner: LinkOwner
  readonly #socket: Socket
  readonly #session: ClientHttp2Session
  readonly #control: ClientHttp2Stream
  readonly #lines = new JsonLines()
  #streams = 0
  #roundTripMs: number | undefined
  #second = 0
  #told = 0
  #more = 0
  #closed = false

  /** Of a socket whose upgrade was answered with 101, and whose errors somebody listens to. */
  constructor(socket: Socket, { id, runId, label }: LinkNames, owner: LinkOwner) {
    this.#owner = owner
    this.#socket = socket
    this.id = id
    this.runId = runId
    this.label = label
    this.#session = connect('http://agent', {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY,
      peerMaxConcurrentStreams: 2 ** 31 - 1,
      settings: { enablePush: false, initialWindowSize: SMALL_WINDOW },
    })
    this.windows = new Windows(this.#session)
    this.#session.on('error', ignore)
    Object.assign(socket, { [LINK]: this })
    socket.on('close', destroyLink)
    // An agent that has hung up is gone. The socket is of a server that would wait for the other half.
    socket.on('end', destroyLink)
    socket.resume()
    this.#control = this.#openControl()
  }

  /** Connections to services that it carries now. */
  get streams(): number {
    return this.#streams
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  get isOpen(): boolean {
    return !this.#closed && !this.#session.closed && !this.#session.destroyed
  }

  /** A connection to the service of an endpoint; it fails as `NotReached` or `LinkLost`. What is written goes along at once. */
  connect(tunnelId: string, endpoint: EndpointSpec, visitorIp: string): ClientHttp2Stream {
    if (!this.isOpen) throw new LinkLost()
    const { host, protocol } = addressOf(endpoint.url)
    const stream = this.#session.request({
      ':method': 'CONNECT',
      ':authority': host,
      [STREAM_HEADERS.tunnel]: tunnelId,
      [STREAM_HEADERS.endpoint]: endpoint.id,
      [STREAM_HEADERS.visitor]: visitorIp,
      ...(protocol === 'https:' && { [STREAM_HEADERS.secure]: 'tls' }),
    })
    this.#streams++
    stream.once('close', () => {
      this.#streams--
      this.#closeWhenDone()
    })
    return stream
  }

  ping(answered: (roundTripMs: number) => void): boolean {
    // Also while it is being closed: what is under way may never end.
    if (this.#closed || this.#session.destroyed) return false
    return this.#session.ping((error, roundTripMs) => {
      if (error) return
      this.#noteRoundTrip(roundTripMs)
      answered(roundTripMs)
    })
  }

  onSilence(): void {
    this.destroy()
  }

  tell(message: RelayMessage): void {
    writeJsonLine(this.#control, message)
  }

  /** Whether its agent is told of one request more: 20 in a second at most, and none while it does not read. */
  mayTellRequest(): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) this.#told = 0
    this.#second = second
    if (++this.#told <= LINES_PER_SECOND && this.#control.writableLength <= UNREAD_BYTES)
      return true
    this.#more++
    return false
  }

  /** Tells the agent of a request that was answered, and how many it was not told of since. */
  tellRequest(tunnelId: string, line: RequestLine): void {
    this.tell({ type: 'request', tunnelId, line, more: this.#more })
    this.#more = 0
  }

  /** Takes nothing new, and closes once what is under way is done. */
  leave(): void {
    this.leaving = true
    this.#closeWhenDone()
  }

  /** Ends everything on it at once. */
  destroy(): void {
    if (this.#closed) return
    this.#session.destroy(new LinkLost(), constants.NGHTTP2_CANCEL)
    this.#socket.destroy()
    this.#end()
  }

  #openControl(): ClientHttp2Stream {
    const control = this.#session.request(CONTROL_HEADERS)
    Object.assign(control, { [LINK]: this })
    control.on('error', ignore)
    // It ends with its session.
    control.on('close', destroyLink)
    control.on('data', hearLink)
    return control
  }

  hear(chunk: Buffer): void {
    try {
      for (const message of this.#lines.read(chunk))
        this.#owner.onMessage(message as AgentMessage, this)
    } catch (error) {
      this.#control.destroy(error as Error)
    }
  }

  /** The shortest of all would not see that an agent has moved; one long one is no change. */
  #noteRoundTrip(ms: number): void {
    const known = this.#roundTripMs
    this.#roundTripMs = known === undefined || ms < known ? ms : known + (ms - known) / 8
    this.windows.roundTrip(this.#roundTripMs)
  }

  #closeWhenDone(): void {
    if (!this.leaving || this.#streams > 0 || this.#closed) return
    // What was told last goes out before.
    this.#control.end(() => this.destroy())
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#owner.onClosed(this)
  }
}

function ignore(): void {}

function destroyLink(this: object): void {
  ;(this as Part<object>)[LINK].destroy()
}

function hearLink(this: object, chunk: Buffer): void {
  ;(this as Part<object>)[LINK].hear(chunk)
}

const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' }

function addressOf(url: string): { host: string; protocol: string } {
  const { hostname, port, protocol } = new URL(url)
  return { host: `${hostname}:${port || DEFAULT_PORTS[protocol]}`, protocol }
}
