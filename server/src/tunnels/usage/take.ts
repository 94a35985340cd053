import { sql } from 'kysely'
import { tiersOf } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { addSpans, type SpanCounts } from './counts.ts'
import { minuteOf, UsageEntry } from './entry.ts'
import { claimSequences } from './journal.ts'
import { addToPeriods } from './periods.ts'
import { countBytes } from './quota.ts'

/** One entry, and whose it is. */
export interface OwnedCounts extends SpanCounts {
  accountId: string
}

/** Of the metrics of a process. */
export type TrafficCounts = Pick<
  OwnedCounts,
  'requests' | 'failures' | 'connections' | 'bytesIn' | 'bytesOut'
>

/**
 * Takes counts of a relay; an entry of a journal counts once, whatever is reported again, in whatever order, by whichever relay, and by
 * whomever it is taken. `upTo` is the highest sequence of the report: all of it is taken for good once this resolves.
 *
 * A relay is the operator's, so it may count for any tunnel that there is or ever was: it need not have a link of it, since what it
 * refuses counts too. What names no tunnel, or is no count, is passed over and logged. An endpoint that is gone counts as none.
 * `counted` hears of what was taken, once it is.
 */
export async function takeUsage(
  ctx: Context,
  relayId: string,
  journal: string,
  entries: readonly UsageEntry[],
  counted: (counts: readonly TrafficCounts[]) => void = () => {},
): Promise<{ upTo: number }> {
  return ctx.transaction(async (ctx) => {
    const { fresh, upTo } = await claimSequences(ctx, journal, entries)
    const counts = await ownedCounts(ctx, fresh)
    if (counts.length < fresh.length) {
      const passedOver = fresh.length - counts.length
      ctx.log.warn({ relay: relayId, journal, passedOver }, 'usage entries were passed over')
    }
    await addSpans(ctx, 'minute', counts)
    const tiers = await tiersOf(ctx, [...new Set(counts.map(({ accountId }) => accountId))])
    await addToPeriods(ctx, counts, tiers)
    await countBytes(ctx, counts, tiers)
    ctx.afterCommit(() => counted(counts))
    return { upTo }
  })
}

async function ownedCounts(ctx: Context, entries: readonly UsageEntry[]): Promise<OwnedCounts[]> {
  const sound = entries.filter((entry) => UsageEntry.safeParse(entry).success)
  const owners = await ownersOf(ctx, [...new Set(sound.map(({ tunnelId }) => tunnelId))])
  const now = ctx.clock.now()
  return sound.flatMap((entry) => {
    const owner = owners.get(entry.tunnelId)
    if (!owner) return []
    const { endpointId = '' } = entry
    const known = owner.endpointIds.includes(endpointId) ? endpointId : ''
    const { accountId } = owner
    return [{ ...entry, accountId, at: minuteOf(entry, now), endpointId: known }]
  })
}

interface Owner {
  accountId: string
  endpointIds: readonly string[]
}

async function ownersOf(
  { db }: Context,
  tunnelIds: readonly string[],
): Promise<Map<string, Owner>> {
  const rows = await db
    .selectFrom('tunnels')
    .select(['id', 'accountId'])
    .select(
      sql<string[]>`array(select e.id from tunnel_endpoints e where e.tunnel_id = tunnels.id)`.as(
        'endpointIds',
      ),
    )
    .where('id', '=', sql<string>`any(${tunnelIds})`)
    .execute()
  return new Map(rows.map(({ id, ...owner }) => [id, owner]))
}
