import type { Socket } from 'node:net'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import { type AddressGuard, DestinationRefused, pinnedLookup } from './addresses.ts'
import { readBody } from './fetch-body.ts'
import { FetchFailed, failureOf } from './fetch-failure.ts'
import type { Logger } from './log.ts'
import { plainAddress } from './public-addresses.ts'
import { undici } from './undici.ts'

export { type FailureReason, FetchFailed } from './fetch-failure.ts'

export interface GuardedFetchOptions {
  guard: AddressGuard
  /** Plain `http:` as well as `https:`; not unless it is said. */
  allowHttp?: boolean
  log?: Pick<Logger, 'warn'>
}

export interface CallOptions {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  /** The whole call, at most 30,000 (the default). */
  timeoutMs?: number
  /** Until the status and headers are there; 10,000 by default. */
  headersTimeoutMs?: number
  /** Of the answer's body, both as sent and unpacked; 1 MiB by default. */
  maxBytes?: number
  signal?: AbortSignal
}

export interface Reply {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** Unpacked. */
  body: Buffer
  text(): string
  /** @throws FetchFailed `protocol` when the body is not JSON. */
  json(): unknown
}

/** The only way to call an address that a customer chose. */
export interface GuardedFetch extends AsyncDisposable {
  /**
   * One request, no redirects: a 3xx is an answer like any other. When `signal` aborts, throws its reason.
   *
   * @throws DestinationRefused for an address, scheme, port or user name that policy excludes, else FetchFailed.
   */
  fetch(url: string | URL, options?: CallOptions): Promise<Reply>
}

const MAX_TIMEOUT_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000
const DEFAULT_MAX_BYTES = 1024 * 1024
const MAX_HEADER_BYTES = 16 * 1024
const CONNECTIONS_PER_ORIGIN = 16
const LOW_PORTS = new Set([80, 443])
/** The client's own business; a caller who sets them could speak to another host than the one that was checked. */
const OWN_HEADERS =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|content-length|upgrade|expect)$/i

export function openGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const agent = new (undici().Agent)({
    connect: guardedConnector(options.guard),
    connections: CONNECTIONS_PER_ORIGIN,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveMaxTimeout: 10_000,
  })
  return {
    async fetch(address, call = {}) {
      const url = URL.canParse(address) ? new URL(address) : undefined
      if (!url) throw new FetchFailed('protocol', 'ERR_INVALID_URL')
      try {
        checkUrl(url, options.allowHttp ?? false)
        return await callWithin(agent, url, call)
      } catch (error) {
        if (error instanceof DestinationRefused) {
          options.log?.warn({ host: url.host }, 'outbound call refused')
        }
        throw error
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

function checkUrl(url: URL, allowHttp: boolean): void {
  const schemes = allowHttp ? ['https:', 'http:'] : ['https:']
  const port = Number(url.port || (url.protocol === 'http:' ? 80 : 443))
  if (!schemes.includes(url.protocol)) throw new DestinationRefused()
  if (url.username || url.password) throw new DestinationRefused()
  // Below 1024 live mail and other services that can be made to obey an HTTP request.
  if (port < 1024 && !LOW_PORTS.has(port)) throw new DestinationRefused()
}

/** Resolves each new connection once, connects to what was judged, and looks again at where it arrived. */
function guardedConnector(guard: AddressGuard): buildConnector.connector {
  return (options, callback) => {
    connectChecked(guard, options).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    )
  }
}

async function connectChecked(
  guard: AddressGuard,
  options: buildConnector.Options,
): Promise<Socket> {
  const port = Number(options.port || (options.protocol === 'http:' ? 80 : 443))
  const checked = await guard.resolve(options.hostname, port)
  const connectTo = undici().buildConnector({
    lookup: pinnedLookup(checked),
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS,
    maxCachedSessions: 0,
  })
  const socket = await new Promise<Socket>((resolve, reject) => {
    connectTo(options, (error, connected) => (error ? reject(error) : resolve(connected)))
  })
  const arrived = plainAddress(socket.remoteAddress ?? '')
  if (checked.some(({ address }) => address === arrived?.address)) return socket
  socket.destroy()
  throw new DestinationRefused()
}

async function callWithin(agent: Agent, url: URL, call: CallOptions): Promise<Reply> {
  const deadline = new AbortController()
  const expire = () => deadline.abort(new FetchFailed('timeout'))
  const total = setTimeout(expire, Math.min(call.timeoutMs ?? MAX_TIMEOUT_MS, MAX_TIMEOUT_MS))
  const headers = setTimeout(expire, call.headersTimeoutMs ?? 10_000)
  const signals = call.signal ? [deadline.signal, call.signal] : [deadline.signal]
  try {
    const answer = await send(agent, url, call, AbortSignal.any(signals))
    clearTimeout(headers)
    const body = await readBody(answer, call.maxBytes ?? DEFAULT_MAX_BYTES)
    return reply(answer, body)
  } catch (error) {
    throw call.signal?.aborted ? call.signal.reason : failureOf(error)
  } finally {
    clearTimeout(total)
    clearTimeout(headers)
  }
}

function send(agent: Agent, url: URL, call: CallOptions, signal: AbortSignal) {
  const headers = call.headers ?? {}
  if (Object.keys(headers).some((name) => OWN_HEADERS.test(name))) {
    throw new FetchFailed('protocol', 'ERR_HEADER_NOT_ALLOWED')
  }
  return undici().request(url, {
    dispatcher: agent,
    method: call.method ?? 'GET',
    headers: { 'accept-encoding': 'gzip, br', ...headers },
    body: call.body ?? null,
    signal,
  })
}

function reply({ statusCode, headers }: Dispatcher.ResponseData, body: Buffer): Reply {
  const text = () => body.toString('utf8')
  return {
    status: statusCode,
    headers,
    body,
    text,
    json: () => {
      try {
        return JSON.parse(text()) as unknown
      } catch {
        throw new FetchFailed('protocol', 'ERR_NOT_JSON')
      }
    },
  }
}
