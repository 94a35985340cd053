import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { LogLine } from './relay-schema.ts'

/** Of each relay. */
export const KEPT_LINES = 500

/** Keeps the newest lines of a relay's log; one that is told again is kept once. */
export async function keepLines(
  ctx: Context,
  relayId: string,
  lines: readonly LogLine[],
): Promise<void> {
  if (lines.length === 0) return
  await ctx.db
    .insertInto('relayLogLines')
    .values(
      lines.map(({ sequence, fields, at, ...line }) => ({
        ...{ ...line, relayId, sequence: String(sequence), at: new Date(at) },
        fields: JSON.stringify(fields),
      })),
    )
    .onConflict((it) => it.doNothing())
    .execute()
  await sql`delete from relay_log_lines where relay_id = ${relayId} and sequence <= (
    select sequence from relay_log_lines where relay_id = ${relayId}
    order by sequence desc offset ${KEPT_LINES} limit 1)`.execute(ctx.db)
}

/** The newest `limit` lines, the oldest first. */
export async function readLines(ctx: Context, relayId: string, limit: number): Promise<LogLine[]> {
  const rows = await ctx.db
    .selectFrom('relayLogLines')
    .selectAll()
    .where('relayId', '=', relayId)
    .orderBy('sequence', 'desc')
    .limit(limit)
    .execute()
  return rows.reverse().map(({ sequence, at, level, message, fields }) => ({
    ...{ sequence: Number(sequence), at: at.toISOString(), level, message },
    fields: fields as Record<string, unknown>,
  }))
}
