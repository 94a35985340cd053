import { z } from 'zod'

const statuses = ['ok', 'degraded', 'failing'] as const

export const CheckReport = z
  .strictObject({
    status: z.enum(statuses),
    what: z.string().meta({ description: 'What is looked at' }),
    critical: z.boolean().meta({ description: 'Whether the product is down while this fails' }),
    detail: z.string().optional().meta({ description: 'For an operator' }),
    durationMs: z.number().meta({ description: 'Of the look' }),
  })
  .meta({ id: 'CheckReport' })
export type CheckReport = z.output<typeof CheckReport>

export const Health = z
  .strictObject({
    status: z.enum(statuses).meta({
      description:
        '`failing` when a critical check fails, `degraded` when the product works with less',
    }),
    version: z.string(),
    environment: z.string(),
    roles: z.array(z.string()).meta({ description: 'What this process does' }),
    uptimeSeconds: z.int(),
    checks: z.record(z.string(), CheckReport).meta({ description: 'By name' }),
  })
  .meta({ id: 'Health' })
export type Health = z.output<typeof Health>

export const Readiness = z
  .strictObject({ status: z.enum(['ok', 'degraded']) })
  .meta({ id: 'Readiness' })

export const Liveness = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Liveness' })
