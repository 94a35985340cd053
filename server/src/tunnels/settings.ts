import { z } from 'zod'
import { defineSetting } from '#kernel/runtime-settings.ts'

const count = z.int().min(0).max(100_000)
const byTier = z.strictObject({ free: count, premium: count, enterprise: count })

export const tunnelsPerAccount = defineSetting({
  name: 'tunnels.tunnels_per_account',
  what: 'Tunnels that one account may have, by its tier',
  value: byTier,
  default: { free: 100, premium: 1_000, enterprise: 10_000 },
})

export const portsPerAccount = defineSetting({
  name: 'tunnels.tcp_per_account',
  what: 'TCP tunnels, each with a port of its own, that one account may have, by its tier',
  value: byTier,
  default: { free: 10, premium: 50, enterprise: 200 },
})

export const domainsPerAccount = defineSetting({
  name: 'tunnels.domains_per_account',
  what: 'Own domains that one account may have claimed for its tunnels, by its tier',
  value: byTier,
  default: { free: 10, premium: 100, enterprise: 1_000 },
})

export const namesPerAccount = defineSetting({
  name: 'tunnels.names_per_account',
  what: 'Names that one account may take for its tunnels; they stay with it for ever',
  value: z.int().min(1).max(1_000_000),
  default: 1_000,
})

export const tunnelSettings = [
  ...[tunnelsPerAccount, portsPerAccount, domainsPerAccount, namesPerAccount],
]
