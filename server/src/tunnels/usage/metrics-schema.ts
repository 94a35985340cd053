import { z } from 'zod'
import { TunnelCounts } from './totals.ts'

/** Lengths of a step, in seconds. */
export const STEPS = [60, 300, 900, 3_600, 21_600, 86_400] as const

const time = z.iso.datetime().regex(/^2/, 'must be in or after the year 2000')

export const MetricsQuery = z.strictObject({
  from: time.optional().meta({ description: 'A day before `to` unless given' }),
  to: time.optional().meta({ description: 'Not included; now unless given' }),
  step: z.coerce
    .number()
    .pipe(z.union(STEPS.map((step) => z.literal(step))))
    .optional()
    .meta({
      description:
        'Seconds of one point: 60, 300, 900, 3600, 21600 or 86400. What is longer ago is kept by the hour, then by the day',
    }),
})
export type MetricsQuery = z.output<typeof MetricsQuery>

const ms = z.number().nullable()

export const Latency = z
  .strictObject({ p50: ms, p95: ms, p99: ms })
  .meta({ id: 'TunnelLatency', description: 'To the first byte, in ms; null without requests' })

const figures = { ...TunnelCounts.shape, latencyMs: Latency }

export const TunnelMetricsReport = z
  .strictObject({
    tunnelId: z.string(),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    stepSeconds: z.int(),
    live: z
      .strictObject({
        links: z.int(),
        inUse: z.int().meta({ description: 'Requests, WebSockets and TCP connections under way' }),
        waiting: z.int().meta({ description: 'For one of `maxConnections`' }),
        silentRelays: z.array(z.string()).meta({ description: 'That did not answer in time' }),
      })
      .meta({ description: 'As relays tell now' }),
    total: z.strictObject(figures),
    points: z
      .array(z.strictObject({ at: z.iso.datetime(), ...figures }))
      .meta({ description: 'The oldest first; steps in which nothing came are left out' }),
    endpoints: z.array(
      z.strictObject({
        endpointId: z.string().optional().meta({
          description: 'Absent for what reached none, and for those that are gone',
        }),
        url: z.string().optional(),
        ...figures,
      }),
    ),
  })
  .meta({ id: 'TunnelMetricsReport' })
export type TunnelMetricsReport = z.output<typeof TunnelMetricsReport>
