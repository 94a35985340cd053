import { type AddressGuard, DestinationRefused, NameNotResolved } from '#kernel/addresses.ts'
import { type Address, plainAddress, plainHost } from '#kernel/public-addresses.ts'
import { EgressFailure, type RefusalReason } from './egress-failure.ts'
import type { EgressPolicy } from './egress-rules.ts'
import type { Upstream } from './egress-upstream-url.ts'
import { isTunnelName, type OpenTunnel, tunnelIn, TUNNEL_PORT } from './session-tunnels.ts'

/** A destination that was judged, and the way there. */
export interface Route {
  host: string
  port: number
  /** Where the name led when it was judged. Absent for one that only the upstream can resolve. */
  addresses?: readonly Address[]
  upstream?: Upstream
  /** The upstream is told the address that was judged, so that it cannot resolve the name to another one. */
  byAddress: boolean
  /** Name of the tunnel that it leads through, past name servers and upstream. */
  tunnel?: string
}

export interface Judges {
  guard: AddressGuard
  /** Of the session whose browser it is. */
  sessionId: string
  /** Without it there are no tunnels here. */
  openTunnel?: OpenTunnel
  /** Ports of this machine that stay out of reach even when its own addresses are allowed. */
  isReserved: (port: number) => boolean
}

/** The longest that DNS and SOCKS5 carry. */
const MAX_NAME_LENGTH = 253
const DNS_NAME = /^[\w-]+(\.[\w-]+)*$/

/**
 * Finds the way to a destination, resolving its name once. With an upstream, a name that leads to a private address here is refused
 * too; one that is unknown here is left to the upstream, unless denied ranges could then not be judged.
 *
 * @throws EgressFailure
 */
export async function findRoute(
  { hostname, port }: { hostname: string; port: number },
  policy: EgressPolicy | undefined,
  judges: Judges,
): Promise<Route> {
  if (!policy) throw new EgressFailure('unclaimed')
  const host = plainHost(hostname)
  if (!host) throw new EgressFailure('private')
  const tunnel = tunnelIn(policy, host)
  if (tunnel !== undefined) return tunnelRoute(policy, { host, port, tunnel })
  const early = earlyRefusal(policy, host, port)
  if (early) throw new EgressFailure(early)
  // Never asked of a name server: whatever it is, it is no tunnel of this session.
  if (isTunnelName(host)) throw new EgressFailure('name_not_resolved')

  const addresses = await resolve(host, port, policy, judges)
  const { upstream } = policy
  const byAddress = Boolean(policy.deny.hasRanges || policy.allow?.hasRanges)
  const route = { host, port, addresses, upstream, byAddress }
  const refusal = refusalOf(policy, route)
  if (refusal) throw new EgressFailure(refusal)
  return route
}

/** Why a route that was found under other rules may not be taken any more under these. */
export function refusalOf(
  { allow, deny, tunnels }: EgressPolicy,
  { host, port, addresses = [], tunnel }: Pick<Route, 'host' | 'port' | 'addresses' | 'tunnel'>,
): RefusalReason | undefined {
  if (deny.hasName(host, port)) return 'denied'
  if (tunnel !== undefined) return tunnels.has(tunnel) ? undefined : 'not_allowed'
  if (addresses.some((address) => deny.hasAddress(address, port))) return 'denied'
  if (!allow || allow.hasName(host, port)) return undefined
  const inside = addresses.length > 0 && addresses.every((one) => allow.hasAddress(one, port))
  return inside ? undefined : 'not_allowed'
}

/** @throws EgressFailure `reserved` */
export function checkReserved(
  port: number,
  addresses: readonly Address[],
  { isReserved }: Judges,
): void {
  if (isReserved(port) && addresses.some(isOwnLoopback)) throw new EgressFailure('reserved')
}

/** What a tunnel of the session is judged by: no name server and no address of it is asked. @throws EgressFailure */
function tunnelRoute(
  policy: EgressPolicy,
  { host, port, tunnel }: Pick<Route, 'host' | 'port'> & { tunnel: string },
): Route {
  const route = { host, port, tunnel, byAddress: false }
  const refusal = refusalOf(policy, route)
  if (refusal) throw new EgressFailure(refusal)
  if (port === 443) throw new EgressFailure('tunnel_secure')
  if (port !== TUNNEL_PORT) throw new EgressFailure('tunnel_port')
  return route
}

/** What can be told without asking a name server. */
function earlyRefusal(policy: EgressPolicy, host: string, port: number) {
  const literal = plainAddress(host)
  if (literal) return refusalOf(policy, { host, port, addresses: [literal] })
  const { allow, deny } = policy
  if (deny.hasName(host, port)) return 'denied'
  return allow && !allow.hasRanges && !allow.hasName(host, port) ? 'not_allowed' : undefined
}

async function resolve(host: string, port: number, policy: EgressPolicy, judges: Judges) {
  try {
    const addresses = await judges.guard.resolve(host, port)
    checkReserved(port, addresses, judges)
    return addresses
  } catch (error) {
    if (error instanceof DestinationRefused) throw new EgressFailure('private')
    if (!(error instanceof NameNotResolved)) throw error
    const isSendable = host.length <= MAX_NAME_LENGTH && DNS_NAME.test(host)
    if (policy.upstream && isSendable && !policy.deny.hasRanges) return undefined
    throw new EgressFailure('name_not_resolved')
  }
}

/** Whether connecting there reaches a listener on 127.0.0.1. */
function isOwnLoopback({ address }: Address): boolean {
  return address === '0.0.0.0' || address === '::' || address.startsWith('127.')
}
