import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { type AnnouncedEvent, defineReader, searchEvents } from '#kernel/events.ts'
import { raise } from './raise.ts'

const FAILURES_WINDOW_MS = 5 * 60 * 1000
const FAILURES_OF_ACCOUNT = 3
const FAILURES_IN_ALL = 10
/** So long after a second factor was given up is an export worth a look. */
const UNGUARDED_MS = 60 * 60 * 1000
/** Of the events that one look goes through. */
const MOST = 200

const Failed = z.object({ count: z.int().min(1) })
const Disabled = z.object({ isLast: z.boolean() })

/** Looks at each fact that an alert may hang on, in the order of the log. */
export const watch = defineReader({
  name: 'alerts.watch_events',
  kinds: ['secret.unsealing_failed', 'export.fetched'],
  from: 'now',
  handle: (ctx, event) =>
    event.kind === 'export.fetched' ? lookAtExport(ctx, event) : lookAtFailure(ctx, event),
})

/** Three failures in five minutes within one account, or ten anywhere, are no accident. */
async function lookAtFailure(ctx: Context, { accountId, occurredAt }: AnnouncedEvent) {
  const everywhere = await failuresAround(ctx, occurredAt)
  if (accountId !== null) {
    const own = await failuresAround(ctx, occurredAt, accountId)
    if (own >= FAILURES_OF_ACCOUNT) {
      const detail = `${own} sealed secrets of the account did not open within 5 minutes.`
      await raise(ctx, { kind: 'decryption_failed', subject: accountId, accountId, detail })
    }
  }
  if (everywhere < FAILURES_IN_ALL) return
  const detail = `${everywhere} sealed secrets did not open within 5 minutes.`
  await raise(ctx, { kind: 'decryption_failed_widely', subject: 'installation', detail })
}

/** The most failures in any five minutes that hold this moment: events may be read in another order than they occurred in. */
async function failuresAround(ctx: Context, at: Date, accountId?: string): Promise<number> {
  const found = await searchEvents(
    ctx.db,
    {
      kind: 'secret.unsealing_failed',
      from: new Date(at.getTime() - FAILURES_WINDOW_MS),
      to: new Date(at.getTime() + FAILURES_WINDOW_MS),
      ...(accountId !== undefined && { accountId }),
    },
    { limit: MOST, oldestFirst: true },
  )
  const seen = found.map(({ occurredAt, data }) => ({
    ms: occurredAt.getTime(),
    count: Failed.parse(data).count,
  }))
  const sums = seen.map(({ ms: first }) =>
    seen
      .filter(({ ms }) => ms >= first && ms < first + FAILURES_WINDOW_MS)
      .reduce((sum, { count }) => sum + count, 0),
  )
  return Math.max(0, ...sums)
}

/** Whoever takes over a user turns off what is in the way, and then takes what there is. */
async function lookAtExport(ctx: Context, { actor, accountId, occurredAt }: AnnouncedEvent) {
  if (actor.kind !== 'user' && actor.kind !== 'key') return
  const { userId: subject } = actor
  const disabled = await searchEvents(
    ctx.db,
    {
      ...{ kind: 'second_factor.disabled', target: subject },
      from: new Date(occurredAt.getTime() - UNGUARDED_MS),
      to: occurredAt,
    },
    { limit: MOST },
  )
  if (!disabled.some(({ data }) => Disabled.parse(data).isLast)) return
  const detail = 'Second factors were given up, and within the hour something was exported.'
  const about = { kind: 'export_without_second_factor', subject, detail } as const
  await raise(ctx, { ...about, accountId: accountId ?? undefined })
}
