import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import { liftSuppression } from './addresses.ts'
import { suppressionLifted } from './events.ts'
import { problems } from './problems.ts'
import type { LiftSuppression, MailQuery, MailRecord } from './schema.ts'
import type { MailRow } from './tables.ts'

const LIST = 'mails'

/** Mails of the whole installation, the newest first. */
export async function listMails(ctx: Context, { limit, cursor, status }: MailQuery) {
  const after = ctx.cursors.read(LIST, cursor)
  let query = ctx.db
    .selectFrom('mails')
    .selectAll()
    .select(timeText('createdAt').as('time'))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (status) query = query.where('status', '=', status)
  if (after) query = query.where(olderThan('createdAt', 'id', after))
  const page = cutPage(await query.execute(), limit, (row) => ctx.cursors.write(LIST, row))
  return { items: page.rows.map(present), nextCursor: page.nextCursor }
}

function present(row: MailRow): MailRecord {
  const { id, template, status, attempts, accountId, lastError, providerMessageId } = row
  return {
    ...{ id, to: row.toAddress, template, status, attempts },
    ...(accountId && { accountId }),
    ...(status === 'queued' && { nextAttemptAt: row.dueAt.toISOString() }),
    ...(lastError && { lastError }),
    ...(providerMessageId && { providerMessageId }),
    createdAt: row.createdAt.toISOString(),
    ...(row.endedAt && { endedAt: row.endedAt.toISOString() }),
  }
}

/** Lets an address get mail again. @throws problem `mail.not_suppressed` */
export async function letMailThrough(ctx: Context, { email }: LiftSuppression): Promise<void> {
  await ctx.transaction(async (ctx) => {
    if (!(await liftSuppression(ctx, email))) throw problems.notSuppressed()
    await ctx.events.emit(suppressionLifted, {})
  })
}
