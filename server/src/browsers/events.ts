import { z } from 'zod'
import { defineEvent, type EventKind } from '#kernel/events.ts'
import { END_REASONS, type EndReason } from './states.ts'

const id = z.string().startsWith('ses_')

export const created = defineEvent(
  'session.created',
  'A browser session was asked for',
  z.object({ id, userId: z.string(), instanceId: z.string().optional() }),
)

export const started = defineEvent(
  'session.started',
  'The browser of a session runs',
  z.object({ id, launchMs: z.number().int(), warm: z.boolean() }),
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

export const changed = defineEvent(
  'session.changed',
  'A session was changed while it ran or waited',
  z.object({ id, members: z.array(z.string()) }),
)

const holder = z.object({
  kind: z.enum(['person', 'program']),
  id: z.string(),
  name: z.string().optional(),
})

export const controlRequested = defineEvent(
  'control.requested',
  'Somebody asks for control of a session that another holds',
  z.looseObject({ id, holder }),
)

export const controlGranted = defineEvent(
  'control.granted',
  'Somebody has control of a session',
  z.looseObject({ id, holder }),
)

export const controlReturned = defineEvent(
  'control.returned',
  'Control of a session is free again, or with somebody else',
  z.looseObject({
    id,
    holder,
    why: z.string().meta({ description: 'returned, expired, taken or gone' }),
  }),
)

export const requestRefused = defineEvent(
  'session.request_refused',
  'The egress gateway refused a request of a session’s pages',
  z.object({ id, host: z.string(), port: z.number().int(), reason: z.string() }),
)

/** What a node may announce of a session, by name. */
export const factEvents: ReadonlyMap<string, EventKind> = new Map(
  [controlRequested, controlGranted, controlReturned, requestRefused].map((kind) => [
    kind.name,
    kind,
  ]),
)
