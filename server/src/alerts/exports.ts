import { sql } from 'kysely'
import { type Context, whoActs } from '#kernel/context.ts'
import { fetched } from './events.ts'
import { raise } from './raise.ts'

const HOUR_MS = 60 * 60 * 1000
const DAYS = 30
/** An hour with so many exports is nothing unusual for anybody. */
const USUAL = 10
const ALERT_FACTOR = 3
const BLOCK_FACTOR = 5

export interface Export {
  /** Such as `audit` or `person`. */
  what: string
  /** Of the thing that it is of. */
  id?: string
}

/**
 * Counts an export of whoever acts, and announces `export.fetched`. More than 10 in an hour, and more than 3 times what is usual for
 * them, raise an alert.
 *
 * @returns since when in this hour there are so many, 5 times what is usual, that they have to prove first who they are
 */
export async function countExport(ctx: Context, { what, id }: Export): Promise<Date | undefined> {
  const actor = whoActs(ctx.actor)
  if (actor === undefined) return undefined
  return ctx.transaction(async (ctx) => {
    await ctx.events.emit(fetched, { what, ...(id !== undefined && { id }) })
    const hour = new Date(Math.floor(ctx.clock.now().getTime() / HOUR_MS) * HOUR_MS)
    const { count, blockedSince } = await ctx.db
      .insertInto('exportCounts')
      .values({ actor, hour, count: 1, blockedSince: null })
      .onConflict((conflict) =>
        conflict.columns(['actor', 'hour']).doUpdateSet({ count: sql`export_counts.count + 1` }),
      )
      .returning(['count', 'blockedSince'])
      .executeTakeFirstOrThrow()
    if (count <= USUAL) return undefined
    const usual = await usualFor(ctx, actor, hour)
    if (count > Math.max(USUAL, ALERT_FACTOR * usual)) await tellOfMany(ctx, actor, count, hour)
    if (blockedSince) return blockedSince
    return count > BLOCK_FACTOR * Math.max(USUAL, usual) ? block(ctx, actor, hour) : undefined
  })
}

/** What 95 of 100 hours in which they exported anything stayed within, over 30 days. */
async function usualFor({ db }: Context, actor: string, hour: Date): Promise<number> {
  const { usual } = await db
    .selectFrom('exportCounts')
    .select(
      sql<number>`coalesce(percentile_cont(0.95) within group (order by count), 0)::float8`.as(
        'usual',
      ),
    )
    .where('actor', '=', actor)
    .where('hour', '>=', new Date(hour.getTime() - DAYS * 24 * HOUR_MS))
    .where('hour', '<', hour)
    .executeTakeFirstOrThrow()
  return usual
}

async function block(ctx: Context, actor: string, hour: Date): Promise<Date> {
  const blockedSince = ctx.clock.now()
  await ctx.db
    .updateTable('exportCounts')
    .set({ blockedSince })
    .where('actor', '=', actor)
    .where('hour', '=', hour)
    .execute()
  return blockedSince
}

async function tellOfMany(ctx: Context, actor: string, count: number, hour: Date): Promise<void> {
  const detail = `${count} exports in the hour from ${hour.toISOString()}.`
  const accountId = 'accountId' in ctx.actor ? ctx.actor.accountId : undefined
  await raise(ctx, { kind: 'many_exports', subject: actor, accountId, detail })
}
