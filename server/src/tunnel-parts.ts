import { accountsOfUser, type Identity, isMemberOf, mayStillAct } from '#identity/index.ts'
import type { Config } from '#kernel/config.ts'
import type { Doorbell } from '#kernel/doorbell.ts'
import { hashScrypt } from '#kernel/scrypt.ts'
import { Turns } from '#kernel/turns.ts'
import type { TunnelParts } from '#tunnels/index.ts'

export interface TunnelPartsOptions {
  config: Config
  doorbell: Doorbell
  identity(): Identity
  /** Where clients reach the API. */
  url(): string
}

/** What tunnels work with: where they are, who may hold them open, and whom to wake when one changes. */
export function openTunnelParts({
  config,
  doorbell,
  identity,
  url,
}: TunnelPartsOptions): TunnelParts {
  const hashing = new Turns({ atOnce: 2, queueLength: 20 })
  return {
    domain: config.TUNNEL_DOMAIN,
    ports: config.TUNNEL_PORTS,
    urlOf: (hostname) => withHost(config.RELAY_URL ?? url(), hostname),
    ticketFor: (runId) => identity().serviceToken('relay', runId),
    visitTicketFor: (tunnelId, subject) => identity().serviceToken(tunnelId, subject),
    isMember: isMemberOf,
    accountsOf: accountsOfUser,
    relays: async () => [],
    hashPassword: (password, signal) => hashing.run(signal, () => hashScrypt(password)),
    mayHold: (ctx, starter) => mayStillAct(ctx, starter, 'tunnels.write'),
    metricsOf: async () => new Map(),
    ring: () => doorbell.ring('tunnels'),
  }
}

/** The same scheme and port at another host. */
function withHost(base: string, hostname: string): string {
  const url = new URL(base)
  url.hostname = hostname
  return url.origin
}
