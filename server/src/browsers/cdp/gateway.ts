import type { IncomingHttpHeaders } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '#kernel/log.ts'
import type { CdpConnection, CdpLimits } from './connection.ts'
import {
  type BrowserSocket,
  BrowserUnreachable,
  acceptClient,
  dialBrowser,
  handshakeKey,
  refuseClient,
} from './dial.ts'
import { Gate } from './gate.ts'
import { Relay } from './relay.ts'
import type { CdpPolicy, SessionFiles } from './scope.ts'

export type { CdpConnection } from './connection.ts'

export interface OpenCdpOptions {
  /** A client's upgrade, admitted (its origin too) but not answered. */
  request: { headers: IncomingHttpHeaders; method?: string; url?: string }
  socket: Duplex
  head: Buffer
  /** The browser's `ws://127.0.0.1:…/devtools/browser/…`. */
  endpoint: string
  /** A connection to it that is open already; undefined when there is none, or none any more. */
  takeConnection?(): Promise<BrowserSocket | undefined>
  policy: CdpPolicy
  files: SessionFiles
  /** Nothing of the client is read before. It never rejects. */
  ready?: Promise<void>
  /** False while somebody else holds the control lease: what drives the browser is answered with an error then. */
  mayDrive(): boolean
  /** Commands came. */
  onActivity(): void
  /** The client would have ended the browser; it is answered as if it had. */
  onBrowserClose?(): void
  log: Logger
  limits?: Partial<CdpLimits>
}

const LIMITS: CdpLimits = { maxMessageBytes: 100 * 1024 * 1024, stallMs: 30_000, dialMs: 10_000 }
const KEEP_ALIVE_MS = 30_000

/**
 * Connects a client to a browser as if it had dialled the browser itself. Until the browser has answered, nothing of the client
 * is read. When it does not, the client is answered 502.
 *
 * @throws BrowserUnreachable
 */
export async function openCdp(options: OpenCdpOptions): Promise<CdpConnection> {
  const { socket: client, policy, log, onActivity } = options
  const limits = { ...LIMITS, ...options.limits }
  const fail = (error: Error) => log.debug({ err: error }, 'a DevTools client failed')
  client.on('error', fail)
  const key = handshakeKey(options.request.headers)
  if (!key) {
    refuseClient(client, '400 Bad Request')
    throw new BadHandshake()
  }
  const browser = await dialFor(client, options, limits.dialMs)
  tune(client)
  tune(browser.socket)
  const gate = new Gate({
    ...options,
    onRefused: (method, why) => log.debug({ method, why }, 'a DevTools command was refused'),
  })
  const relay = new Relay({
    client,
    browser: browser.socket,
    gate,
    policy,
    limits,
    log,
    onActivity,
  })
  acceptClient(client, key, options.request.headers)
  relay.start(options.head, browser.head)
  return relay
}

async function dialFor(client: Duplex, options: OpenCdpOptions, deadlineMs: number) {
  const reach = async () =>
    (await options.takeConnection?.()) ?? dialBrowser(options.endpoint, deadlineMs)
  try {
    const [browser] = await Promise.all([reach(), options.ready])
    if (client.readable && client.writable) return browser
    browser.socket.destroy()
  } catch (error) {
    if (error instanceof BrowserUnreachable) refuseClient(client, '502 Bad Gateway')
    throw error
  }
  throw new BrowserUnreachable('the client has gone meanwhile')
}

/** What asks for a WebSocket is none; it has been answered 400. */
class BadHandshake extends Error {
  constructor() {
    super('not a WebSocket handshake of version 13')
  }
}

function tune(socket: Duplex): void {
  if (!(socket instanceof Socket)) return
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  socket.setTimeout(0)
}
