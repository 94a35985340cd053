import {
  accountsOfMember,
  type Identity,
  isKnown,
  isMemberOf,
  mayStillAct,
  provenEmailKey,
} from '#identity/index.ts'
import { hashScrypt } from '#kernel/scrypt.ts'
import { Turns } from '#kernel/turns.ts'
import { haveHeard, type RelayClients, relaysForAgents, seenRelays } from '#relays/index.ts'
import type { TunnelParts } from '#tunnels/index.ts'
import type { Core } from './core.ts'
import { trafficCounters } from './traffic-counters.ts'
import { outside } from './tunnels-outside.ts'
import { resolveTxt } from './dns.ts'

export interface TunnelPartsOptions {
  identity(): Identity
  relays: Pick<RelayClients, 'callsTo'>
}

/** What tunnels work with: where they are, who may hold them open, and whom to wake when one changes. */
export function openTunnelParts(core: Core, { identity, relays }: TunnelPartsOptions): TunnelParts {
  const { config, doorbell } = core
  const hashing = new Turns({ atOnce: 2, queueLength: 20 })
  return {
    domain: config.TUNNEL_DOMAIN,
    ports: config.TUNNEL_PORTS,
    urlOf: (hostname) => withHost(config.RELAY_URL ?? core.publicUrl(), hostname),
    ticketFor: (runId) => identity().serviceToken('relay', runId),
    visitTicketFor: (tunnelId, subject) => identity().serviceToken(tunnelId, subject),
    isMember: isMemberOf,
    relays: relaysForAgents,
    haveHeard,
    hashPassword: (password, signal) => hashing.run(signal, () => hashScrypt(password)),
    ...{ provenEmailKey, accountsOf: accountsOfMember, isThere: isKnown },
    resolveTxt: (name, signal) => resolveTxt(name, signal, config.DNS_SERVERS),
    ownHosts: () => [config.PUBLIC_URL, config.RELAY_URL].flatMap(hostIn),
    mayHold: (ctx, starter) => mayStillAct(ctx, starter, 'tunnels.write'),
    relayCalls: { seen: seenRelays, callsTo: (ctx, id) => relays.callsTo(ctx, id) },
    outside,
    counted: trafficCounters(core.telemetry),
    ring: () => doorbell.ring('tunnels'),
  }
}

/** The same scheme and port at another host. */
function withHost(base: string, hostname: string): string {
  const url = new URL(base)
  url.hostname = hostname
  return url.origin
}

function hostIn(url: string | undefined): string[] {
  return url === undefined ? [] : [new URL(url).hostname]
}
