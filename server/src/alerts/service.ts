import { actorId, type Context } from '#kernel/context.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import { acknowledged } from './events.ts'
import { problems } from './problems.ts'
import type { Alert, AlertQuery } from './schema.ts'
import type { AlertRow } from './tables.ts'

const LIST = 'alerts'

/** The newest first. */
export async function listAlerts(ctx: Context, { limit, cursor, state }: AlertQuery) {
  const place = ctx.cursors.read(LIST, cursor)
  const rows = await ctx.db
    .selectFrom('alerts')
    .selectAll()
    .select(timeText('raised_at').as('raisedText'))
    .$if(state !== undefined, (query) => query.where('state', '=', state!))
    .$if(place !== undefined, (query) => query.where(olderThan('raised_at', 'id', place!)))
    .orderBy('raisedAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const page = cutPage(rows, limit, ({ raisedText, id }) =>
    ctx.cursors.write(LIST, { time: raisedText, id }),
  )
  return { items: page.rows.map(present), nextCursor: page.nextCursor }
}

/**
 * Says that somebody has looked: the next time, it is a new alert. One that was acknowledged stays as it is. Announces
 * `alert.acknowledged`.
 *
 * @throws problem `alert.not_found`
 */
export async function acknowledge(ctx: Context, id: string): Promise<Alert> {
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('alerts')
      .set({
        state: 'acknowledged',
        acknowledgedAt: ctx.clock.now(),
        acknowledgedBy: actorId(ctx.actor) ?? 'system',
      })
      .where('id', '=', id)
      .where('state', '=', 'open')
      .returningAll()
      .executeTakeFirst()
    if (!row) return present(await findAlert(ctx, id))
    const { kind, subject } = row
    await ctx.events.emit(acknowledged, { id, kind, subject })
    return present(row)
  })
}

async function findAlert({ db }: Context, id: string): Promise<AlertRow> {
  const row = await db.selectFrom('alerts').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw problems.notFound({ id })
  return row
}

function present(row: AlertRow): Alert {
  const { id, kind, subject, accountId, state, detail, times } = row
  const { raisedAt, lastRaisedAt, acknowledgedAt, acknowledgedBy } = row
  return {
    ...{ id, kind, subject, state, detail, times },
    ...(accountId !== null && { accountId }),
    raisedAt: raisedAt.toISOString(),
    lastRaisedAt: lastRaisedAt.toISOString(),
    ...(acknowledgedAt && { acknowledgedAt: acknowledgedAt.toISOString() }),
    ...(acknowledgedBy !== null && { acknowledgedBy }),
  }
}
