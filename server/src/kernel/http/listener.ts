import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import { isAtOrBelow } from '../sockets.ts'
import { type DoorOptions, doorOf } from './door.ts'
import type { HostServer } from './host-server.ts'
import { alpnFor, speakHttp2 } from './http2-front.ts'

export interface ListenerOptions extends DoorOptions {
  tls?: Pick<ServerOptions, 'cert' | 'key' | 'SNICallback'>
  /** Answers all that is asked of hosts of its own; asked first. */
  hosts?: HostServer
  /** Answers GET and PUT of signed object URLs below `/objects/`; a store that other machines serve needs none. */
  objects?: (request: IncomingMessage, response: ServerResponse) => void
  /** Something else that answers what is at a path of its own and below it, such as the polling of engine.io. */
  foreign?: {
    readonly path: string
    request(request: IncomingMessage, response: ServerResponse): void
  }
}

const HEADERS_TIMEOUT_MS = 10_000
/** Before it, nobody counts the connection. */
const HANDSHAKE_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 65_000
/** A client that is cut off without a word, such as a viewer, is noticed: TCP asks after this much quiet, and gives up 10 s later. */
const PROBE_AFTER_MS = 30_000
export const MAX_HEADER_BYTES = 16 * 1024

/** The server below Fastify, which answers some paths past it. */
export function listener(
  options: ListenerOptions,
  handler: (request: never, response: never) => void,
): Server {
  const { hosts, tls } = options
  const upgrades = new Set<string | undefined>(['websocket', ...(hosts?.upgrades ?? [])])
  const limits = {
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    // Any other wish, such as h2c, may be left unanswered (RFC 9110, 7.8): the request is served as it is.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
      upgrades.has(headers.upgrade?.toLowerCase()),
  }
  const fastify = handler as (request: unknown, response: unknown) => void
  const mayCome = doorOf(options)
  const own = (request: IncomingMessage, response: ServerResponse) => {
    const { objects, foreign } = options
    const isObject = objects && request.url?.startsWith('/objects/')
    const isForeign = foreign && isAtOrBelow(foreign.path, request.url)
    if (!isObject && !isForeign) return fastify(request, response)
    if (!mayCome(request, response, isObject ? '/objects/' : foreign!.path)) return
    if (isObject) objects(request, response)
    else foreign!.request(request, response)
  }
  if (!hosts) return tls ? secure({ ...limits, ...tls }, own) : createServer(limits, own)

  const byHost = (request: IncomingMessage, response: ServerResponse) => {
    const isTheirs = hosts.isFor(request)
    if (isTheirs === true) return void hosts.request(request, response)
    if (isTheirs === false) return goOn(request, response)
    void isTheirs.then((theirs) => {
      if (theirs) hosts.request(request, response)
      else goOn(request, response)
    })
  }
  /** Whoever waits to be told to send its body is told so by hosts once it is wanted, and by us at once. */
  const waiting = new WeakSet<IncomingMessage>()
  const goOn = (request: IncomingMessage, response: ServerResponse) => {
    if (waiting.has(request)) response.writeContinue()
    own(request, response)
  }
  const server = tls
    ? secure({ ...limits, ...tls, ALPNCallback: alpnFor(hosts) }, byHost)
    : createServer(limits, byHost)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    byHost(request, response)
  })
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => hosts.connected(socket))
  if (tls) speakHttp2(server, hosts)
  return server
}

function secure(
  options: ServerOptions,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const limits = { minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_TIMEOUT_MS } as const
  return createTlsServer({ ...options, ...limits }, listener) as Server
}

/** In words that say what to change. */
export function whyNotListening(
  { code, message }: NodeJS.ErrnoException,
  host: string,
  port: number,
): string {
  if (code === 'EADDRINUSE') {
    return `port ${port} on ${host} is taken. Stop what listens there, or set PORT to another one.`
  }
  if (code === 'EACCES')
    return `port ${port} may not be used by this user. Set PORT to 1024 or more.`
  if (code === 'EADDRNOTAVAIL') return `this machine has no address ${host}. Change HOST.`
  return `cannot listen on ${host}:${port}: ${message}`
}
