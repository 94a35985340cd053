import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'
import { END_REASONS, type EndReason } from './states.ts'

const id = z.string().startsWith('ses_')

export const created = defineEvent(
  'session.created',
  'A browser session was asked for',
  z.object({ id, userId: z.string(), instanceId: z.string() }),
)

export const started = defineEvent(
  'session.started',
  'The browser of a session runs',
  z.object({ id, launchMs: z.number().int() }),
)

export const ended = defineEvent(
  'session.ended',
  'A session ended; its browser is gone',
  z.object({
    id,
    reason: z.enum(Object.keys(END_REASONS) as [EndReason, ...EndReason[]]),
    durationSeconds: z.number().int(),
    errorMessage: z.string().optional(),
  }),
)
