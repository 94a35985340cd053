import { z } from 'zod'

/** Jobs that what the jobs call sends itself. */
export const giveUpConnecting = {
  name: 'tunnels.give_up_connecting',
  input: z.strictObject({ id: z.string(), since: z.iso.datetime() }),
} as const

export const checkDomains = {
  name: 'tunnels.check_domains',
  input: z.strictObject({ tunnelId: z.string() }),
} as const
