import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { idPattern } from '#kernel/ids.ts'

export const kinds = [
  'decryption_failed',
  'decryption_failed_widely',
  'many_exports',
  'export_without_second_factor',
  'many_misses',
] as const
export type AlertKind = (typeof kinds)[number]

export const states = ['open', 'acknowledged'] as const
export type AlertState = (typeof states)[number]

export const AlertId = z.string().regex(idPattern('alr'), 'must be the id of an alert: alr_06ax…')

export const AlertQuery = PageQuery.extend({ state: z.enum(states).optional() })
export type AlertQuery = z.output<typeof AlertQuery>

export const Alert = z
  .strictObject({
    id: AlertId,
    kind: z.enum(kinds),
    subject: z.string().meta({
      description: 'Id of the account, user or key that it is about, or `installation`',
    }),
    accountId: z.string().optional(),
    state: z.enum(states),
    detail: z.string(),
    times: z.int().meta({ description: 'How often it was raised while it is open' }),
    raisedAt: z.iso.datetime(),
    lastRaisedAt: z.iso.datetime(),
    acknowledgedAt: z.iso.datetime().optional(),
    acknowledgedBy: z.string().optional(),
  })
  .meta({ id: 'Alert' })
export type Alert = z.output<typeof Alert>
