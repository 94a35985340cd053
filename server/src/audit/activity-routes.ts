import { z } from 'zod'
import { seenUser, userNotFound } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { route } from '#kernel/http/route.ts'
import type { KeptRecords, Period } from '#kernel/personal-records.ts'
import { ActivityPage, type ActivityQuery, ActivityQuery as Query, asSeenBy } from './activity.ts'
import { problems } from './problems.ts'
import { activityOf } from './search.ts'

const USER = 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b'
const DAYS_30_MS = 30 * 24 * 60 * 60 * 1000

/** What users did and what was done to them, for themselves and those who look after them. */
export function activityRoutes(records: () => readonly KeptRecords[]) {
  return [
    route({
      method: 'GET',
      path: '/v1/users/:id/activity',
      summary: 'List what a user did and what was done to them, the newest first',
      description:
        'Everybody sees their own, by their id or as `me`, in all accounts. Who holds `users.read` sees that of others; a reseller only ' +
        'what happened in the account below its own that the user acts for. With it come figures of what the user used.',
      access: { signedIn: 'everybody sees their own activity; that of others takes `users.read`' },
      params: z.strictObject({ id: z.string().min(1).max(64) }),
      query: Query,
      returns: ActivityPage,
      problems: [userNotFound, problems.searchTooWide],
      examples: {
        params: { id: USER },
        query: { action: 'session.*', limit: 20 },
        reply: {
          items: [
            {
              ...{ id: 'evt_06f3k9w2m4qz7x8y1v5t0r6n3b', at: '2026-11-20T12:00:00.000Z' },
              ...{ action: 'user.signed_in', result: 'succeeded', by: { kind: 'user' } },
              ...{ target: USER, address: '192.0.2.7', agent: 'curl/8.5.0' },
              data: { userId: USER, amr: ['pwd'] },
            },
          ],
          nextCursor: null,
          usage: { 'browsers.sessions': 3, 'browsers.minutes': 41.5 },
        },
      },
      handler: (ctx, { params, query }) => listActivity(ctx, records(), params.id, query),
    }),
  ]
}

async function listActivity(
  ctx: Context,
  records: readonly KeptRecords[],
  id: string,
  query: ActivityQuery,
) {
  const { userId, within } = await seenUser(ctx, id)
  const seen = { userId, ...(within !== undefined && { accountId: within }) }
  const { items, nextCursor } = await activityOf(ctx, seen, query)
  const usage = await usageOf(ctx, records, seen, query)
  return { items: items.map((entry) => asSeenBy(userId, entry)), nextCursor, usage }
}

async function usageOf(
  ctx: Context,
  records: readonly KeptRecords[],
  seen: { userId: string; accountId?: string },
  query: ActivityQuery,
): Promise<Record<string, number>> {
  const to = query.to === undefined ? ctx.clock.now() : new Date(query.to)
  const from = query.from === undefined ? new Date(to.getTime() - DAYS_30_MS) : new Date(query.from)
  const period: Period = { from, to }
  const counts = records.flatMap(({ personal }) => (personal.usage ? [personal.usage] : []))
  const figures = await Promise.all(counts.map((count) => count(ctx, seen, period)))
  return Object.assign({}, ...figures)
}
