import { z } from 'zod'
import { Label } from './endpoint-schema.ts'

export const MOST_TUNNELS_OF_AN_AGENT = 100

export const RunAgent = z
  .strictObject({
    runId: z
      .string()
      .regex(/^tar_\w{1,60}$/)
      .optional()
      .meta({
        description: 'Of the first call; later ones get another ticket and keep the epochs',
      }),
    label: Label,
    version: z.string().regex(/^[\w.+-]{1,64}$/),
    host: z
      .string()
      .max(255)
      .regex(/^[ -~\u00a0-\uffff]*$/)
      .optional()
      .meta({ description: 'Name of its machine' }),
    tunnels: z.array(z.string().max(64)).min(1).max(MOST_TUNNELS_OF_AN_AGENT),
  })
  .refine(({ tunnels }) => new Set(tunnels).size === tunnels.length, {
    path: ['tunnels'],
    message: 'names a tunnel twice',
  })
  .meta({ id: 'RunTunnelAgent' })
export type RunAgent = z.output<typeof RunAgent>

export const AgentRun = z
  .strictObject({
    runId: z.string().meta({ description: '`tar_…`' }),
    ticket: z.string().meta({ description: 'Opens links for 60 seconds' }),
    relays: z
      .array(z.strictObject({ id: z.string(), url: z.string() }))
      .meta({ description: 'The best first: open links to two of them; empty while none runs' }),
    tunnels: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        url: z.string(),
        epoch: z.int(),
        endpoints: z.array(
          z.strictObject({ id: z.string(), url: z.string(), healthCheck: z.unknown().optional() }),
        ),
      }),
    ),
    refused: z
      .array(z.strictObject({ tunnelId: z.string(), code: z.string(), detail: z.string() }))
      .meta({
        description: 'Those that it cannot hold open now: stopped, or taken by a newer run',
      }),
  })
  .meta({ id: 'TunnelAgentRun' })
export type AgentRun = z.output<typeof AgentRun>
