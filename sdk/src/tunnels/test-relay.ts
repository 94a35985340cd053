import { once } from 'node:events'
import { createServer, request as requestHttp, type IncomingMessage } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { readJsonLines, writeJsonLine } from './json-lines.ts'
import {
  type AgentMessage,
  LINK_PATH,
  LINK_PROTOCOL,
  type RelayMessage,
  SESSION_WINDOW,
  STREAM_HEADERS,
  type WelcomedTunnel,
} from './link-protocol.ts'

/** What a ticket of a test says; real ones are signed. */
export interface TestTicket {
  runId: string
  tunnels: (WelcomedTunnel & { epoch: number })[]
}

/** A link as this relay sees it. */
export class TestLink {
  readonly ticket: TestTicket
  readonly session: ClientHttp2Session
  readonly messages: AgentMessage[] = []
  readonly closed: Promise<unknown>
  readonly #control: ClientHttp2Stream

  constructor(socket: Socket, ticket: TestTicket, welcome: RelayMessage | undefined) {
    this.ticket = ticket
    this.session = connectHttp2('http://agent', {
      createConnection: () => socket,
      maxSessionMemory: 1_024,
      settings: { initialWindowSize: 256 * 1024 },
    })
    this.session.on('connect', () => this.session.setLocalWindowSize(SESSION_WINDOW))
    this.session.on('error', () => {})
    // Of a server of HTTP/1.1, a socket stays half open.
    socket.once('end', () => this.session.destroy())
    this.closed = once(this.session, 'close')
    this.#control = this.session.request({ ':method': 'POST', ':path': '/control' })
    this.#control.on('error', () => {})
    readJsonLines(this.#control, (message) => this.#hear(message as AgentMessage))
    if (welcome) this.tell(welcome)
  }

  tell(message: RelayMessage): void {
    writeJsonLine(this.#control, message)
  }

  /** Takes nothing new, and ends when what is under way has. */
  finish(): void {
    this.session.close()
    this.#control.end()
  }

  /** A connection to a local service; the status is that of the agent's answer. */
  open(tunnelId: string, url: string, authority = authorityOf(url)): ClientHttp2Stream {
    const stream = this.session.request({
      ...{ ':method': 'CONNECT', ':authority': authority, [STREAM_HEADERS.tunnel]: tunnelId },
      ...(url.startsWith('https:') && { [STREAM_HEADERS.secure]: 'tls' }),
    })
    stream.on('error', () => {})
    return stream
  }

  #hear(message: AgentMessage): void {
    this.messages.push(message)
    if (message.type === 'leave') this.finish()
  }
}

export interface TestRelayOptions {
  id?: string
  tls?: { key: string; cert: string }
  /** Upgrades, and says nothing then. */
  silent?: boolean
  /** In place of an upgrade. */
  refuse?: { status: number; body: string }
  port?: number
}

/** The least of a relay: it takes links, and makes the requests of visitors by itself. */
export class TestRelay implements AsyncDisposable {
  readonly id: string
  readonly links: TestLink[] = []
  readonly upgrades: IncomingMessage[] = []
  readonly #server
  readonly #options: TestRelayOptions

  static async start(options: TestRelayOptions = {}): Promise<TestRelay> {
    const relay = new TestRelay(options)
    relay.#server.listen(options.port ?? 0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  private constructor(options: TestRelayOptions) {
    this.#options = options
    this.id = options.id ?? 'rel_test'
    this.#server = options.tls ? createTlsServer(options.tls) : createServer()
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket) =>
      this.#upgrade(request, socket),
    )
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`
  }

  /** The links that stand, the newest last. */
  get standing(): TestLink[] {
    return this.links.filter(({ session }) => !session.closed && !session.destroyed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.links) session.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
    await Promise.all(this.links.map(({ closed }) => closed))
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    this.upgrades.push(request)
    socket.on('error', () => {})
    const { refuse } = this.#options
    const isOurs = request.url === LINK_PATH && request.headers.upgrade === LINK_PROTOCOL
    if (refuse || !isOurs) {
      const { status = 400, body = '' } = refuse ?? {}
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      return
    }
    const head = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade'
    // Node ends the process when a write over TLS is done that was begun before HTTP/2 took the socket.
    socket.write(`${head}\r\nupgrade: ${LINK_PROTOCOL}\r\n\r\n`, () => this.#take(request, socket))
  }

  #take(request: IncomingMessage, socket: Socket): void {
    const { silent } = this.#options
    const ticket = readTicket(request.headers.authorization!)
    const linkId = `lnk_${this.links.length}`
    const { tunnels } = ticket
    const welcome = { type: 'welcome' as const, linkId, relayId: this.id, tunnels }
    this.links.push(new TestLink(socket, ticket, silent ? undefined : welcome))
  }
}

/** One request of a visitor over a link. */
export async function visit(
  link: TestLink,
  tunnel: { id: string; target: string },
  { path = '/', method = 'GET', body }: { path?: string; method?: string; body?: Buffer } = {},
): Promise<{ status: number; body: Buffer }> {
  const stream = link.open(tunnel.id, tunnel.target)
  const request = requestHttp({
    ...{ method, path, createConnection: () => stream },
    headers: { host: 'shop.test', connection: 'close' },
  })
  const answered = once(request, 'response')
  request.end(body)
  const [answer] = (await answered) as [IncomingMessage]
  return { status: answer.statusCode!, body: await buffer(answer) }
}

export function writeTicket(ticket: TestTicket): string {
  return Buffer.from(JSON.stringify(ticket)).toString('base64url')
}

function readTicket(authorization: string): TestTicket {
  const text = Buffer.from(authorization.replace('Bearer ', ''), 'base64url').toString()
  return JSON.parse(text) as TestTicket
}

function authorityOf(url: string): string {
  const { host, protocol, port } = new URL(url)
  return port ? host : `${host}:${protocol === 'https:' ? 443 : 80}`
}
