import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { states } from './states.ts'

const id = z.string().meta({ description: '`mail_…`' })

export const DevMailSummary = z
  .strictObject({
    id,
    to: z.string(),
    template: z.string(),
    subject: z.string(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'DevMailSummary' })
export type DevMailSummary = z.output<typeof DevMailSummary>

export const DevMail = z
  .strictObject({ ...DevMailSummary.shape, text: z.string(), html: z.string() })
  .meta({ id: 'DevMail' })
export type DevMail = z.output<typeof DevMail>

export const MailRecord = z
  .strictObject({
    id,
    accountId: z.string().optional(),
    to: z.string(),
    template: z.string(),
    status: z.enum(states.names),
    attempts: z.int(),
    nextAttemptAt: z.iso.datetime().optional().meta({ description: 'While it is queued' }),
    lastError: z.string().optional(),
    providerMessageId: z.string().optional().meta({ description: 'As the next server named it' }),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'MailRecord' })
export type MailRecord = z.output<typeof MailRecord>

export const MailQuery = z.strictObject({
  ...PageQuery.shape,
  status: z.enum(states.names).optional(),
})
export type MailQuery = z.output<typeof MailQuery>

export const LiftSuppression = z
  .strictObject({ email: z.string().min(3).max(254) })
  .meta({ id: 'LiftSuppression' })
export type LiftSuppression = z.output<typeof LiftSuppression>
