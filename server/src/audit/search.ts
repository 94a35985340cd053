import { searchWithin } from '#kernel/bounded-search.ts'
import type { Context } from '#kernel/context.ts'
import { type EventFilter, searchEvents } from '#kernel/events.ts'
import { cutPage, type PageQuery } from '#kernel/http/cursor.ts'
import { presentEntries } from './present.ts'
import { problems } from './problems.ts'
import type { AuditEntry, EntryQuery, ExportQuery } from './schema.ts'

const LIST = 'audit'
const LONGEST_SECONDS = 3

/** The newest first. @throws problem `audit.search_too_wide` */
export function listEntries(ctx: Context, query: EntryQuery) {
  return pageOf(ctx, LIST, filterOf(query), query)
}

/** What a user did, and what was done to them; of this account only if one is named. The newest first. @throws problem `audit.search_too_wide` */
export function activityOf(
  ctx: Context,
  { accountId, userId }: { accountId?: string; userId: string },
  query: Pick<EntryQuery, 'action' | 'from' | 'to'> & PageQuery,
) {
  const { action, from, to } = query
  const filter = { ...filterOf({ action, from, to, accountId }), about: userId }
  return pageOf(ctx, `activity ${accountId ?? ''} ${userId}`, filter, query)
}

/** @throws problem `audit.not_found` */
export async function getEntry(ctx: Context, id: string): Promise<AuditEntry> {
  const events = await searchEvents(ctx.db, { eventId: id }, { limit: 1 })
  const [entry] = await presentEntries(ctx.db, events)
  if (!entry) throw problems.notFound({ id })
  return entry
}

export function filterOf(query: Partial<EntryQuery | ExportQuery>): EventFilter {
  const { actor, action, target, accountId, result, address, correlationId, from, to, q } = query
  const given = {
    ...{ actor, target, accountId, result, address, correlationId },
    ...{ kind: action, words: q, from: from && new Date(from), to: to && new Date(to) },
  }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as EventFilter
}

/** Runs a search that the database gives up after 3 s. @throws problem `audit.search_too_wide` */
export function bounded<Result>(
  ctx: Context,
  search: (ctx: Context) => Promise<Result>,
): Promise<Result> {
  return searchWithin(ctx, LONGEST_SECONDS, search, problems.searchTooWide)
}

async function pageOf(
  ctx: Context,
  list: string,
  filter: EventFilter,
  { limit, cursor }: PageQuery,
) {
  const before = ctx.cursors.read(list, cursor)
  return bounded(ctx, async ({ db, cursors }) => {
    const found = await searchEvents(db, filter, { limit: limit + 1, before })
    const { rows, nextCursor } = cutPage(found, limit, ({ place }) => cursors.write(list, place))
    return { items: await presentEntries(db, rows), nextCursor }
  })
}
