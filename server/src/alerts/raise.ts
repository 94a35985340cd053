import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { raised } from './events.ts'
import type { AlertKind } from './schema.ts'

export interface Sighting {
  kind: AlertKind
  /** An account's, a user's or a key's id, or `installation`. */
  subject: string
  accountId?: string | undefined
  /** One sentence. */
  detail: string
}

/**
 * Raises an alert in the caller's transaction. While one of this kind about this subject is open, that one counts once more and nobody
 * is told again; otherwise announces `alert.raised`, and super-admins get a mail.
 */
export async function raise(ctx: Context, sighting: Sighting): Promise<void> {
  const { kind, subject, accountId, detail } = sighting
  const now = ctx.clock.now()
  const row = await ctx.db
    .insertInto('alerts')
    .values({
      ...{ id: ctx.newId('alr'), kind, subject, detail, accountId: accountId ?? null },
      ...{ state: 'open', times: 1, raisedAt: now, lastRaisedAt: now },
      ...{ mailedAt: null, acknowledgedAt: null, acknowledgedBy: null },
    })
    .onConflict((conflict) =>
      conflict
        .columns(['kind', 'subject'])
        .where('state', '=', 'open')
        .doUpdateSet({ times: sql`alerts.times + 1`, lastRaisedAt: now, detail }),
    )
    .returning(['id', 'times'])
    .executeTakeFirstOrThrow()
  if (row.times > 1) return
  await ctx.events.emit(raised, { id: row.id, kind, subject, detail })
  ctx.log.warn({ alert: row.id, kind, subject }, 'alert raised')
}
