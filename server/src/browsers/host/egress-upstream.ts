import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type Socket, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { SocksClient } from 'socks'
import { DestinationRefused, NameNotResolved } from '#kernel/addresses.ts'
import { EgressFailure, type FailureReason } from './egress-failure.ts'
import { type Judges, type Route, checkReserved } from './egress-route.ts'
import type { Upstream } from './egress-upstream-url.ts'
import { dial } from './tunnel.ts'

/** The socks library wants a limit of its own; the caller's signal comes first. */
const SOCKS_TIMEOUT_MS = 120_000

/**
 * Opens a connection to the destination by way of an upstream. Aborting `signal` closes it at any time, then and later.
 *
 * @throws EgressFailure about the upstream, never about the destination
 */
export async function dialThrough(
  upstream: Upstream,
  route: Route,
  judges: Judges,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await dialUpstream(upstream, judges, signal)
  const host = (route.byAddress && route.addresses?.[0]?.address) || route.host
  const destination = { host, port: route.port }
  try {
    return await (upstream.protocol === 'socks5'
      ? askSocks(socket, upstream, destination)
      : askConnect(socket, upstream, destination))
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Connects to the upstream itself, by TLS where its URL says so. @throws EgressFailure */
export async function dialUpstream(
  { protocol, host, port }: Upstream,
  judges: Judges,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await reach(host, port, judges, signal)
  return protocol === 'https' ? secure(socket, host) : socket
}

/** The header that makes an HTTP upstream do as it is asked. */
export function proxyAuthorization({ username, password }: Upstream): Record<string, string> {
  if (!username && !password) return {}
  const credentials = Buffer.from(`${username}:${password}`).toString('base64')
  return { 'proxy-authorization': `Basic ${credentials}` }
}

async function reach(host: string, port: number, judges: Judges, signal: AbortSignal) {
  try {
    const addresses = await judges.guard.resolve(host, port)
    checkReserved(port, addresses, judges)
    return await dial({ port, addresses, signal })
  } catch (error) {
    if (error instanceof DestinationRefused || error instanceof EgressFailure) {
      throw new EgressFailure('upstream_not_allowed')
    }
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ETIMEDOUT') throw new EgressFailure('upstream_timeout')
    const detail = error instanceof NameNotResolved ? 'its name has no address' : code
    throw new EgressFailure('upstream_unreachable', detail)
  }
}

async function secure(socket: Socket, host: string): Promise<Socket> {
  const secured = connectTls({
    ...{ socket, host, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
    ...(isIP(host) ? {} : { servername: host }),
  })
  socket.on('error', () => {})
  try {
    await once(secured, 'secureConnect')
    return secured
  } catch (error) {
    socket.destroy()
    throw new EgressFailure('upstream_tls', (error as NodeJS.ErrnoException).code)
  }
}

interface Destination {
  host: string
  port: number
}

async function askConnect(socket: Socket, upstream: Upstream, { host, port }: Destination) {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const asked = request({
    ...{ createConnection: () => socket, method: 'CONNECT', path: authority },
    headers: { host: authority, ...proxyAuthorization(upstream) },
  })
  asked.end()
  const [answer, , head] = (await once(asked, 'connect').catch((error: unknown) => {
    throw brokenOff(error)
  })) as [IncomingMessage, Socket, Buffer]
  const { statusCode = 0 } = answer
  if (statusCode === 407) throw new EgressFailure('upstream_credentials')
  if (statusCode < 200 || statusCode > 299) {
    throw new EgressFailure('upstream_refused', `it answered ${statusCode}`)
  }
  if (head.length > 0) socket.unshift(head)
  return socket
}

async function askSocks(socket: Socket, upstream: Upstream, destination: Destination) {
  const { host, port, username, password } = upstream
  const credentials = username ? { userId: username, password } : {}
  const client = new SocksClient({
    ...{ command: 'connect', destination, timeout: SOCKS_TIMEOUT_MS },
    proxy: { host, port, type: 5, ...credentials },
  })
  const established = once(client, 'established')
  client.connect(socket)
  try {
    await established
    return socket
  } catch (error) {
    // The error of the library carries the credentials.
    throw socksFailure((error as Error).message)
  }
}

function socksFailure(message: string): EgressFailure {
  if (/authentication/i.test(message)) return new EgressFailure('upstream_credentials')
  const [, answer] = /rejected connection - (\w+)/.exec(message) ?? []
  if (answer) return new EgressFailure('upstream_refused', `it answered ${answer}`)
  const kind: FailureReason = 'upstream_unreachable'
  return /closed/i.test(message)
    ? new EgressFailure(kind, 'it closed the connection')
    : new EgressFailure(kind, 'it does not speak SOCKS5')
}

function brokenOff(error: unknown): EgressFailure {
  const { code = '' } = error as NodeJS.ErrnoException
  const isHttp = !code.startsWith('HPE_')
  return new EgressFailure('upstream_unreachable', isHttp ? code : 'it does not speak HTTP')
}
