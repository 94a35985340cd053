import { GantryError } from '../error.ts'
import { type Address, parseAddress, parseTarget, spell, type Target } from './address.ts'
import type { ControlPlane, KnownTunnel, NewEndpoint, TunnelSettings } from './control-plane.ts'

export interface TunnelOptions {
  kind: 'http' | 'tcp'
  /** The service: `3000`, `localhost:3000`, `https://localhost:8443`; of TCP `5432`, `db:5432`. */
  target: string | number
  /** Below the domain of tunnels. The server makes one up unless given. */
  name?: string
  /** Host that the service sees: `preserve`, `rewrite`, or one given. */
  hostHeader?: string
  /** Demanded of visitors. */
  basicAuth?: { username: string; password: string }
  /** `host:port` of other services that endpoints of the tunnel may name. */
  allow?: readonly string[]
}

/** A tunnel as asked for, read and checked. */
export interface WantedTunnel {
  readonly kind: 'http' | 'tcp'
  readonly name: string | undefined
  readonly target: Target
  readonly reach: readonly Address[]
  readonly settings: TunnelSettings
}

/** @throws TypeError that says what to write */
export function readOptions(options: TunnelOptions): WantedTunnel {
  const { kind, name, hostHeader, basicAuth, allow = [] } = options
  const target = parseTarget(kind, options.target)
  return {
    ...{ kind, name, target },
    reach: [target, ...allow.map(parseAddress)],
    settings: { ...(hostHeader && { hostHeader }), ...(basicAuth && { basicAuth }) },
  }
}

/**
 * Finds the tunnel or creates it, with what was asked for and an endpoint of this agent. Run again, it changes nothing.
 *
 * @throws GantryError `tunnel.name_taken` for a name of another account
 */
export async function enrol(
  plane: ControlPlane,
  wanted: WantedTunnel,
  label: string,
): Promise<KnownTunnel> {
  const { kind, name, target, settings } = wanted
  const known = name === undefined ? undefined : await plane.find(name)
  if (!known) {
    const endpoints = [endpointOf(target, label)]
    return plane.create({ ...(name !== undefined && { name }), kind, config: settings, endpoints })
  }
  if (known.kind !== kind) {
    throw new TypeError(`the tunnel ${known.name} is for ${known.kind}, not for ${kind}`)
  }
  if (Object.keys(settings).length > 0) await plane.configure(known.id, settings)
  await leadHere(plane, known, wanted, label)
  return known
}

/** The endpoint of this label leads to the target: also when it led elsewhere, to where this agent does not. */
async function leadHere(
  plane: ControlPlane,
  { id, endpoints }: KnownTunnel,
  { target, reach }: WantedTunnel,
  label: string,
): Promise<void> {
  const own = endpoints.filter(({ agent }) => agent === label)
  if (own.some(({ url }) => url === target.url)) return
  const reached = new Set(reach.map(spell))
  const stale = own.find(({ url }) => !reached.has(spell(addressOf(url))))
  try {
    if (stale) await plane.moveEndpoint(id, stale.id, target.url)
    else await plane.addEndpoint(id, endpointOf(target, label))
  } catch (error) {
    // Another agent of this label was quicker.
    if (!(error instanceof GantryError && error.code === 'tunnel.endpoint_exists')) throw error
  }
}

function endpointOf({ url }: Target, agent: string): NewEndpoint {
  return { url, agent, priority: 0, weight: 1 }
}

/** Of the URL of an endpoint. */
export function addressOf(url: string): Target {
  return parseTarget(url.startsWith('tcp:') ? 'tcp' : 'http', url)
}
