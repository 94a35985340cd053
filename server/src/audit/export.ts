import { Readable } from 'node:stream'
import type { Context } from '#kernel/context.ts'
import { type EventFilter, searchEvents } from '#kernel/events.ts'
import type { Place } from '#kernel/http/cursor.ts'
import { csvHead, csvLine } from './csv.ts'
import { exported } from './events.ts'
import { presentEntries } from './present.ts'
import { problems } from './problems.ts'
import type { AuditEntry, ExportQuery } from './schema.ts'
import { bounded, filterOf } from './search.ts'

const PAGE = 500
const MAX_DAYS = 366
const DAY_MS = 24 * 60 * 60 * 1000
const MAX_AT_ONCE = 4
/** For a client that reads nothing. */
const STALL_MS = 60_000

let open = 0

/**
 * The entries of a span of time as a file, the oldest first, read page by page as fast as the client takes them; it is given up when the
 * client takes nothing for a minute. Announces `audit.exported` before the first byte.
 *
 * @throws problem `audit.wrong_span` or `audit.too_many_exports`
 */
export async function exportEntries(
  ctx: Context,
  query: ExportQuery,
  stallMs = STALL_MS,
): Promise<Readable> {
  const { format, from } = query
  const to = query.to ?? ctx.clock.now().toISOString()
  const span = Date.parse(to) - Date.parse(from)
  if (!(span > 0 && span <= MAX_DAYS * DAY_MS)) throw problems.wrongSpan({ days: MAX_DAYS })
  if (open >= MAX_AT_ONCE)
    throw problems.tooManyExports({ limit: MAX_AT_ONCE, retryAfterSeconds: 60 })
  const filter = filterOf({ ...query, to })
  const filters = Object.keys(filter).filter((name) => name !== 'from' && name !== 'to')
  await ctx.transaction((ctx) => ctx.events.emit(exported, { format, from, to, filters }))
  const file = Readable.from(
    whileRead(format === 'csv' ? csv(ctx, filter) : json(ctx, filter), () => watch.refresh()),
  )
  const watch = setTimeout(() => file.destroy(new Error('nobody reads the export')), stallMs)
  open++
  file.once('close', () => {
    clearTimeout(watch)
    open--
  })
  // Whoever sends it hears of it too; where nobody does, it is no failure of the process.
  file.on('error', (error) => ctx.log.info({ err: error }, 'an export was given up'))
  return file
}

/** Tells of each time that the client has taken what there was. */
async function* whileRead(parts: AsyncIterable<string>, taken: () => void): AsyncGenerator<string> {
  for await (const part of parts) {
    yield part
    taken()
  }
}

async function* csv(ctx: Context, filter: EventFilter): AsyncGenerator<string> {
  yield csvHead
  for await (const entries of pages(ctx, filter)) yield entries.map(csvLine).join('')
}

/** An array with one entry a line; without its end, it is not whole. */
async function* json(ctx: Context, filter: EventFilter): AsyncGenerator<string> {
  let lead = '[\n'
  for await (const entries of pages(ctx, filter)) {
    yield lead + entries.map((entry) => JSON.stringify(entry)).join(',\n')
    lead = ',\n'
  }
  yield lead === ',\n' ? '\n]\n' : '[]\n'
}

async function* pages(ctx: Context, filter: EventFilter): AsyncGenerator<AuditEntry[]> {
  let before: Place | undefined
  for (;;) {
    ctx.signal.throwIfAborted()
    const options = { limit: PAGE, before, oldestFirst: true }
    const { found, entries } = await bounded(ctx, async ({ db }) => {
      const found = await searchEvents(db, filter, options)
      return { found, entries: await presentEntries(db, found) }
    })
    if (entries.length > 0) yield entries
    if (entries.length < PAGE) return
    before = found.at(-1)!.place
  }
}
