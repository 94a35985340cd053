import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { UsageEntry } from './entry.ts'

/** Of one journal. Numbers that a relay has left out, such as in a crash, make more; beyond this the lowest are taken for used. */
const MOST_PIECES = 1_000

/**
 * Marks these sequences as taken, in the caller's transaction, and gives the entries that were not yet. Whoever reports for the same
 * journal meanwhile waits until that transaction has ended.
 */
export async function claimSequences(
  ctx: Context,
  journal: string,
  entries: readonly UsageEntry[],
): Promise<{ fresh: UsageEntry[]; upTo: number }> {
  const bySequence = new Map(entries.map((entry) => [entry.sequence, entry]))
  const given = [...bySequence.keys()].filter((sequence) => Number.isSafeInteger(sequence))
  await lockJournal(ctx, journal)
  const { rows } = await sql<{ sequence: string }>`
    select given.sequence from tunnel_usage_journals, unnest(${given}::bigint[]) as given (sequence)
    where journal = ${journal} and not taken @> given.sequence
    order by given.sequence`.execute(ctx.db)
  const fresh = rows.map(({ sequence }) => Number(sequence))
  const last = await markTaken(ctx, journal, fresh)
  return {
    fresh: fresh.map((sequence) => bySequence.get(sequence)!),
    upTo: given.length > 0 ? Math.max(...given) : last,
  }
}

async function lockJournal({ db, clock }: Context, journal: string) {
  await db
    .insertInto('tunnelUsageJournals')
    .values({ journal, lastAt: clock.now() })
    .onConflict((it) => it.column('journal').doNothing())
    .execute()
  await db
    .selectFrom('tunnelUsageJournals')
    .select('journal')
    .where('journal', '=', journal)
    .forUpdate()
    .executeTakeFirstOrThrow()
}

/** Gives the highest sequence of the journal that was ever taken; 0 when none was. */
async function markTaken(
  ctx: Context,
  journal: string,
  sequences: readonly number[],
): Promise<number> {
  const { rows } = await sql<{ last: string; pieces: number }>`
    update tunnel_usage_journals set last_at = ${ctx.clock.now()}, taken = taken + coalesce((
      select range_agg(int8range(one, one, '[]')) from unnest(${sequences}::bigint[]) one
    ), '{}')
    where journal = ${journal}
    returning coalesce(upper(taken) - 1, 0) as last, (select count(*)::integer from unnest(taken)) as pieces
  `.execute(ctx.db)
  const { last, pieces } = rows[0]!
  if (pieces > MOST_PIECES) await closeGaps(ctx, journal)
  return Number(last)
}

/** The lower half of the pieces becomes one. */
async function closeGaps({ db }: Context, journal: string): Promise<void> {
  await sql`
    update tunnel_usage_journals set taken = taken + int8multirange((
      select int8range(min(lower(piece)), max(upper(piece))) from (
        select piece from unnest(taken) piece order by piece limit ${MOST_PIECES / 2}) lowest))
    where journal = ${journal}`.execute(db)
}
