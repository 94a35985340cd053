import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from '#kernel/log.ts'
import { PROBE_AFTER_MS } from '#kernel/pinned.ts'
import { within } from '#kernel/within.ts'
import type { FeedKind } from '../watch/feed.ts'
import { Lingering } from '../watch/lingering.ts'
import type { NodeSessions } from './node-sessions.ts'
import type {
  CallName,
  CallOptions,
  OpenSocket,
  SessionSpec,
  SocketGrant,
  SpecChange,
} from './session-node.ts'
import {
  decodeJson,
  encodeJson,
  FILE_HEADER,
  FROM_HEADER,
  GRANT_HEADER,
  paths,
  writeFailure,
  writeResult,
} from './wire.ts'

export interface NodeServerOptions {
  sessions: NodeSessions
  log: Logger
  tls: { cert: string; key: string }
  /** The session that a token is for, when it counts. */
  subjectOf(token: string): string | undefined
}

const HEADERS_TIMEOUT_MS = 10_000
const HANDSHAKE_TIMEOUT_MS = 10_000
/** An API keeps its connections for the calls to come. */
const KEEP_ALIVE_MS = 60_000
const MAX_CONNECTIONS = 4_096
const CLOSE_MS = 2_000
/** An empty line of a feed, so that its reader knows that the network is there. */
export const FEED_PULSE_MS = 5_000
/** An upload of 50 MiB in base64, and what is around it. */
const MAX_BODY_BYTES = 72 * 1024 * 1024
const MAX_UNREAD_BYTES = 4 * 1024 * 1024
/** Longer than it takes to find out that a network is broken, and to come back over it. */
const LINGER_MS = 30_000
const MAX_LINGERING = 1_000

const HEALTH = '/health'
const HEALTH_FOR_MS = 1_000
/** What needs no token: it tells nothing of any session. */
const OPEN: ReadonlySet<string | undefined> = new Set([HEALTH, paths.pulse])

type SessionRequest = FastifyRequest<{ Params: { id: string; downloadId: string } }>

/** A node as other machines reach it: over TLS, each call with a token for the one session that it is about. */
export class NodeServer implements AsyncDisposable {
  readonly #options: NodeServerOptions
  readonly #server: Server
  readonly #app: FastifyInstance
  readonly #sockets = new Set<OpenSocket>()
  readonly #lingering = new Lingering({ lingerMs: LINGER_MS, most: MAX_LINGERING })
  #checking: ReturnType<NodeSessions['host']['check']> | undefined

  static async open(options: NodeServerOptions, host: string, port: number): Promise<NodeServer> {
    const node = new NodeServer(options)
    await node.#app.ready()
    await new Promise<void>((resolve, reject) => {
      node.#server.once('error', reject)
      node.#server.listen(port, host, resolve)
    })
    return node
  }

  private constructor(options: NodeServerOptions) {
    this.#options = options
    this.#server = createServer({
      ...{ ...options.tls, minVersion: 'TLSv1.3', handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      ...{ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0 },
      ...{ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
      ...{ keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS },
    })
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#app = fastify({
      bodyLimit: MAX_BODY_BYTES,
      forceCloseConnections: true,
      serverFactory: (handler) => this.#server.on('request', handler) as never,
    })
    this.#declare()
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close(1012, 'the node is restarting')
    this.#lingering[Symbol.dispose]()
    await this.#app.close()
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    // Those that were told to close may still be at it.
    await within(CLOSE_MS, closed)
  }

  #declare(): void {
    const { sessions } = this.#options
    this.#app.setErrorHandler((error, _request, reply) => this.#fail(reply, error))
    this.#app.addHook('onRequest', async (request, reply) => {
      if (OPEN.has(request.routeOptions.url) || this.#isAllowed(request.raw)) return
      await reply.code(401).send({ failure: 'unforeseen', message: 'the token does not count' })
    })
    this.#app.get(paths.pulse, (_request, reply) => reply.code(204).send())
    this.#app.get(HEALTH, (_request, reply) => this.#health(reply))
    this.#app.put('/sessions/:id', ({ params, body }: SessionRequest, reply) =>
      sessions.open({ ...(body as SessionSpec), id: params.id }, untilGone(reply)),
    )
    this.#app.delete('/sessions/:id', ({ params }: SessionRequest) => sessions.end(params.id))
    this.#app.patch('/sessions/:id', async ({ params, body }: SessionRequest) => {
      await sessions.change(params.id, body as SpecChange)
      return {}
    })
    this.#app.post('/sessions/:id/call', (request: SessionRequest, reply) =>
      this.#call(request, reply),
    )
    this.#app.get('/sessions/:id/feed', (request: SessionRequest, reply) =>
      this.#feed(request, reply),
    )
    this.#app.get('/sessions/:id/downloads/:downloadId', (request: SessionRequest, reply) =>
      this.#download(request, reply),
    )
  }

  async #call({ params, body }: SessionRequest, reply: FastifyReply) {
    const { name, input, holder } = body as { name: CallName; input: unknown } & CallOptions
    const signal = untilGone(reply)
    const result = await this.#options.sessions.call(params.id, name, input, { holder, signal })
    const { headers, body: bytes } = writeResult(result)
    return reply.headers(headers).send(bytes)
  }

  async #download({ params }: SessionRequest, reply: FastifyReply) {
    const { content, ...facts } = await this.#options.sessions.openDownload(
      params.id,
      params.downloadId,
    )
    return reply
      .header(FILE_HEADER, encodeJson(facts))
      .type('application/octet-stream')
      .send(content)
  }

  /** One JSON line for each event. A reader who is too far behind is cut, and comes back with the last id that it has. */
  async #feed({ params, query }: SessionRequest, reply: FastifyReply): Promise<void> {
    const { kinds, after } = query as { kinds: string; after?: string }
    const { raw } = reply
    const { sessions } = this.#options
    let replayed: string[] | undefined = []
    const write = (text: string) => {
      if (replayed) return void replayed.push(text)
      raw.write(`${text}\n`)
      if (raw.writableLength > MAX_UNREAD_BYTES) raw.destroy()
    }
    const wanted = new Set(kinds.split(',') as FeedKind[])
    const options = { kinds: wanted, ...(after !== undefined && { after: Number(after) }) }
    const following = await sessions.follow(params.id, options, (event) =>
      write(JSON.stringify(event)),
    )
    reply.hijack()
    raw.writeHead(200, {
      'content-type': 'application/x-ndjson',
      [FROM_HEADER]: String(following.from),
    })
    const waiting = replayed
    replayed = undefined
    for (const text of waiting) write(text)
    const stop = () => {
      clearInterval(pulse)
      const watch = sessions.watch(params.id, wanted)
      if (watch) this.#lingering.keep(`${params.id} ${wanted.has('network')}`, watch)
      following[Symbol.dispose]()
    }
    const pulse = setInterval(
      () => (sessions.get(params.id) ? write('') : raw.end()),
      FEED_PULSE_MS,
    )
    raw.once('close', stop)
    if (raw.destroyed) stop()
    else write('')
  }

  /** A real command, answered by every browser of a session. One look serves all who ask within a second. */
  async #health(reply: FastifyReply): Promise<void> {
    this.#checking ??= this.#options.sessions.host.check().finally(() => {
      setTimeout(() => (this.#checking = undefined), HEALTH_FOR_MS).unref()
    })
    const { ok, detail } = await this.#checking
    const { draining } = this.#options.sessions.facts
    await reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'degraded', detail, draining })
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    try {
      const id = sessionOf(request)
      if (!id || !this.#isAllowed(request)) {
        return void socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
      }
      const grant = decodeJson(String(request.headers[GRANT_HEADER])) as SocketGrant
      const { authorization: _, [GRANT_HEADER]: __, ...headers } = request.headers
      const upgrade = { request: { method: 'GET', url: '/', headers }, socket, head }
      const open = await this.#options.sessions.connect(id, upgrade, grant)
      this.#sockets.add(open)
      void open.closed.catch(() => {}).finally(() => this.#sockets.delete(open))
    } catch (error) {
      const { status, body } = writeFailure(error)
      const text = JSON.stringify(body)
      const length = Buffer.byteLength(text)
      if (!socket.destroyed) {
        socket.end(
          `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n${text}`,
        )
      }
    }
  }

  #fail(reply: FastifyReply, error: unknown) {
    const { status, body } = writeFailure(error)
    const isAwaited = !reply.raw.destroyed
    if (isAwaited && body.failure === 'unforeseen')
      this.#options.log.error({ err: error }, 'a call failed')
    return reply.code(status).send(body)
  }

  /** A token is for one session, and so is every path. */
  #isAllowed(request: IncomingMessage): boolean {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const id = sessionOf(request)
    return id !== undefined && token !== undefined && this.#options.subjectOf(token) === id
  }
}

function sessionOf({ url }: IncomingMessage): string | undefined {
  return /^\/sessions\/(ses_[0-9a-z]{26})(?:[/?]|$)/.exec(url ?? '')?.[1]
}

function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
