import { sql } from 'kysely'
import { ZodError } from 'zod'
import type { Context } from '#kernel/context.ts'
import { sqlState } from '#kernel/transaction.ts'
import { factEvents } from './events.ts'
import type { Entry } from './node/journal.ts'
import type { Report } from './node/session-node.ts'
import { closeRow, keepWipe } from './service.ts'

/**
 * Writes down what a node has to tell, each report once however often it is sent. One that nobody can write down is skipped: it must
 * not keep back those behind it.
 */
export async function takeReports(
  ctx: Context,
  instanceId: string,
  entries: readonly Entry[],
): Promise<void> {
  for (const { sequence, report } of entries) {
    const acting = ctx.actingFor(report.accountId)
    try {
      await acting.transaction(async (ctx) => {
        if (await isNew(ctx, instanceId, sequence)) await take(ctx, instanceId, report)
      })
    } catch (error) {
      if (!isAboutTheReport(error)) throw error
      ctx.log.error({ err: error, session: report.sessionId, instanceId }, 'a report is skipped')
      await isNew(ctx, instanceId, sequence)
    }
  }
}

/** Classes 22 and 23: the values themselves, or what they refer to. */
function isAboutTheReport(error: unknown): boolean {
  return error instanceof ZodError || /^2[23]/.test(sqlState(error))
}

/** A node numbers its reports in their order, so those at or below the last one have been taken. */
async function isNew(ctx: Context, instanceId: string, sequence: number): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await ctx.db
    .insertInto('nodeReports')
    .values({ instanceId, sequence: String(sequence) })
    .onConflict((conflict) =>
      conflict
        .column('instanceId')
        .doUpdateSet({ sequence: String(sequence) })
        .where(sql<boolean>`node_reports.sequence < excluded.sequence`),
    )
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** A node speaks for its own sessions only. */
async function take(ctx: Context, instanceId: string, report: Report): Promise<void> {
  const { sessionId } = report
  const own = await ctx.db
    .selectFrom('browserSessions')
    .select('id')
    .where('id', '=', sessionId)
    .where('accountId', '=', ctx.accountId)
    .where('instanceId', '=', instanceId)
    .executeTakeFirst()
  if (!own) return ctx.log.warn({ session: sessionId, instanceId }, 'a report of no session')
  if (report.kind === 'ended') {
    const { reason, message } = report
    await closeRow(ctx, sessionId, { reason, errorMessage: message })
    await keepWipe(ctx, sessionId, report.wipe)
  } else {
    const event = factEvents.get(report.name)
    if (event) await ctx.events.emit(event, { ...report.facts, id: sessionId })
  }
}
