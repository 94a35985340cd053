import { z } from 'zod'

/** What a relay sends along with a visitor who has to sign in. */
export const BeginVisit = z
  .strictObject({
    to: z.string().min(1).max(4096).meta({ description: 'Where the visitor wanted to go' }),
    state: z
      .string()
      .regex(/^[\w-]{43}$/)
      .meta({ description: 'Of what the visitor’s browser keeps: nobody else can come by it' }),
  })
  .meta({ id: 'BeginTunnelVisit' })
export type BeginVisit = z.output<typeof BeginVisit>

export const Visit = z
  .strictObject({ url: z.string().meta({ description: 'To open next; it counts for a minute' }) })
  .meta({ id: 'TunnelVisit' })
