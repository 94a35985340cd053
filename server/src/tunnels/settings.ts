import { z } from 'zod'
import { defineSetting } from '#kernel/runtime-settings.ts'

export const tunnelsPerAccount = defineSetting({
  name: 'tunnels.tunnels_per_account',
  what: 'Tunnels that one account may have',
  value: z.int().min(1).max(100_000),
  default: 100,
})

export const namesPerAccount = defineSetting({
  name: 'tunnels.names_per_account',
  what: 'Names that one account may take for its tunnels; they stay with it for ever',
  value: z.int().min(1).max(1_000_000),
  default: 1_000,
})
