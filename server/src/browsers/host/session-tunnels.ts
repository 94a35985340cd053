import type { Duplex } from 'node:stream'
import { EgressFailure } from './egress-failure.ts'
import type { EgressPolicy } from './egress-rules.ts'

/** A tunnel that a session was given, by the name that the session's browser knows it by. */
export interface AskedTunnel {
  sessionId: string
  name: string
  /** Closes the connection when it aborts, even once it is open. */
  signal: AbortSignal
}

/** Opens a connection to a tunnel by way of a relay that has a link of it. @throws TunnelUnavailable, or Error when that fails */
export type OpenTunnel = (asked: AskedTunnel) => Promise<Duplex>

/** `unknown`: the session has no such tunnel, or may not use it any more. `offline`: nobody holds it open. */
export class TunnelUnavailable extends Error {
  readonly why: 'unknown' | 'offline'

  constructor(why: 'unknown' | 'offline') {
    super(`the tunnel is ${why}`)
    this.name = 'TunnelUnavailable'
    this.why = why
  }
}

/** The one that browsers take for `http:` and `ws:`. */
export const TUNNEL_PORT = 80
const SUFFIX = '.tunnel'

/** Whether the host is, or could be, a tunnel of some session; in its plain spelling, as `plainHost` gives it. */
export function isTunnelName(host: string): boolean {
  return host.endsWith(SUFFIX) || host === SUFFIX.slice(1)
}

/** The name of the session's own tunnel that a host stands for. */
export function tunnelIn({ tunnels }: EgressPolicy, host: string): string | undefined {
  const name = host.endsWith(SUFFIX) ? host.slice(0, -SUFFIX.length) : undefined
  return name !== undefined && tunnels.has(name) ? name : undefined
}

/** @throws EgressFailure; of a tunnel that the session may not use any more, the one of an unknown host */
export async function throughTunnel(
  name: string,
  { sessionId, openTunnel }: { sessionId: string; openTunnel?: OpenTunnel },
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    if (!openTunnel) throw new TunnelUnavailable('unknown')
    return await openTunnel({ sessionId, name, signal })
  } catch (error) {
    if (error instanceof TunnelUnavailable) {
      throw new EgressFailure(error.why === 'offline' ? 'tunnel_offline' : 'name_not_resolved')
    }
    throw new EgressFailure('tunnel_unreachable', (error as NodeJS.ErrnoException).code)
  }
}
