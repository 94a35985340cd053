import { z } from 'zod'
import { pageOf, PageQuery } from '#kernel/http/cursor.ts'
import { states } from './states.ts'

export const SessionId = z
  .string()
  .regex(/^ses_[0-9a-z]{26}$/, 'must be a session id such as ses_06ax…')
  .meta({ description: 'Id of a session' })

export const DEFAULT_VIEWPORT = { width: 1280, height: 720 }
export const DEFAULT_TIMEOUT_SECONDS = 3600
export const DEFAULT_IDLE_TIMEOUT_SECONDS = 600
const MAX_SECONDS = 24 * 60 * 60
const MAX_METADATA = 50

export const Viewport = z
  .strictObject({
    width: z.int().min(200).max(7680),
    height: z.int().min(200).max(4320),
  })
  .meta({ id: 'Viewport', description: 'Inner size of the page in CSS pixels' })

const Locale = z
  .string()
  .max(35)
  .refine(isLocale, 'must be a BCP 47 language tag such as de-DE')
  .meta({ description: 'Language that pages see, as a BCP 47 tag', examples: ['de-DE'] })

const Timezone = z
  .string()
  .max(64)
  .refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin')
  .meta({ description: 'Time zone that pages see', examples: ['Europe/Berlin'] })

export const CreateSession = z
  .strictObject({
    viewport: Viewport.optional(),
    userAgent: z
      .string()
      .min(1)
      .max(512)
      .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII')
      .optional(),
    locale: Locale.optional(),
    timezone: Timezone.optional(),
    timeoutSeconds: z
      .int()
      .min(5)
      .max(MAX_SECONDS)
      .optional()
      .meta({ description: 'Longest life; 3600 unless given' }),
    idleTimeoutSeconds: z
      .int()
      .min(5)
      .max(MAX_SECONDS)
      .optional()
      .meta({ description: 'Ends this long after the last command; 600 unless given' }),
    metadata: z
      .record(z.string().min(1).max(64), z.string().max(512))
      .refine(
        (entries) => Object.keys(entries).length <= MAX_METADATA,
        `at most ${MAX_METADATA} entries`,
      )
      .optional()
      .meta({ description: 'Your own labels' }),
  })
  .meta({ id: 'CreateSession' })
export type CreateSession = z.output<typeof CreateSession>

export const WipeReport = z
  .object({ processes: z.int(), directories: z.int(), sockets: z.int() })
  .meta({
    id: 'WipeReport',
    description: 'What is left of an ended session on the machine: all zero',
  })

export const BrowserSession = z
  .object({
    id: SessionId,
    accountId: z.string(),
    userId: z.string(),
    instanceId: z.string().meta({ description: 'The machine that runs it' }),
    status: z.enum(states.names),
    startTime: z.iso.datetime().optional().meta({ description: 'When the browser was ready' }),
    endTime: z.iso.datetime().optional(),
    lastActivityTime: z.iso.datetime(),
    expiresAt: z.iso.datetime().meta({ description: 'When it ends at the latest' }),
    timeoutSeconds: z.int(),
    idleTimeoutSeconds: z.int(),
    viewport: Viewport,
    userAgent: z.string().optional(),
    locale: z.string().optional(),
    timezone: z.string().optional(),
    currentUrl: z.string().optional(),
    currentTitle: z.string().optional(),
    errorMessage: z.string().optional(),
    endReason: z.string().optional().meta({
      description: 'asked, idle, timeout, server_stopped, launch_failed, crashed or lost',
    }),
    metadata: z.record(z.string(), z.string()),
    wipe: WipeReport.optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'BrowserSession' })
export type BrowserSession = z.output<typeof BrowserSession>

export const SessionPage = pageOf(BrowserSession).meta({ id: 'SessionPage' })

export const ListSessions = PageQuery.extend({
  status: z.enum(states.names).optional().meta({ description: 'Only sessions in this state' }),
})
export type ListSessions = z.output<typeof ListSessions>

export const COMMAND_TYPES = [
  'navigate',
  'click',
  'type',
  'screenshot',
  'execute',
  'scroll',
] as const
export type CommandType = (typeof COMMAND_TYPES)[number]

export const BrowserCommand = z
  .object({
    id: z.string().startsWith('cmd_'),
    sessionId: SessionId,
    type: z.enum(COMMAND_TYPES),
    params: z.unknown(),
    startTime: z.iso.datetime(),
    endTime: z.iso.datetime().optional(),
    status: z.enum(['pending', 'success', 'error']),
    result: z.unknown().optional().meta({ description: 'Without image bytes; cut beyond 16 KiB' }),
    errorMessage: z.string().optional(),
    actor: z.string().meta({ description: 'The user who gave it' }),
  })
  .meta({ id: 'BrowserCommand' })
export type BrowserCommand = z.output<typeof BrowserCommand>

export const CommandPage = pageOf(BrowserCommand).meta({ id: 'CommandPage' })

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}

function isTimezone(text: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: text }))
  } catch {
    return false
  }
}
