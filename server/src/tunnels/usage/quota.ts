import { sql } from 'kysely'
import { tiersOf } from '#identity/index.ts'
import type { QuotaState } from '#kernel/capability.ts'
import type { Context } from '#kernel/context.ts'
import type { EventKind } from '#kernel/events.ts'
import type { Blocked } from '../spec.ts'
import { quotaExceeded, quotaWarning } from './events.ts'
import { type Month, monthOf } from './period.ts'
import { RENEW_SPECS } from './renew.ts'
import { bytesPerMonth } from './settings.ts'
import type { OwnedCounts } from './take.ts'

export const BYTES_QUOTA = 'tunnels.bytes'
/** Of the problem that visitors get. */
const EXCEEDED = 'tunnel.quota_exceeded'
const WARN_AT = 0.8

/** Bytes that an account of this tier may use in a month; undefined for no limit. */
export function limitOf(ctx: Context, tier: string | undefined): number | undefined {
  const limits: Readonly<Record<string, number | null>> = ctx.settings.get(bytesPerMonth)
  return limits[tier ?? ''] ?? undefined
}

/**
 * Counts bytes against the months that they belong to. Announces `quota.warning` and `quota.exceeded` once for each month; from then
 * on nothing new comes to the account's tunnels until the month is over, or its limit is raised.
 */
export async function countBytes(
  ctx: Context,
  counts: readonly OwnedCounts[],
  tiers: ReadonlyMap<string, string>,
): Promise<void> {
  const groups = Map.groupBy(counts, ({ accountId, at }) => `${accountId} ${monthOf(at).name}`)
  const rows = [...groups.keys()].toSorted().map((key) => {
    const [account_id, period] = key.split(' ') as [string, string]
    const bytes = groups
      .get(key)!
      .reduce((sum, { bytesIn, bytesOut }) => sum + bytesIn + bytesOut, 0)
    return { account_id, period, bytes }
  })
  if (rows.length === 0) return
  const { rows: sums } = await sql<Used>`
    insert into tunnel_quotas as present (account_id, period, bytes)
    select account_id, period, bytes from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as given (account_id text, period text, bytes bigint)
    on conflict (account_id, period) do update set bytes = present.bytes + excluded.bytes
    returning account_id as "accountId", period, bytes, blocked,
      warned_at as "warnedAt", exceeded_at as "exceededAt"`.execute(ctx.db)
  const month = monthOf(ctx.clock.now())
  for (const used of sums.toSorted((one, other) => (one.accountId < other.accountId ? -1 : 1))) {
    if (used.period === month.name) await judge(ctx, used, month, tiers.get(used.accountId))
  }
}

interface Used {
  accountId: string
  period: string
  bytes: string
  blocked: boolean
  warnedAt: Date | null
  exceededAt: Date | null
}

interface Verdict {
  limit: number | undefined
  blocked: boolean
  /** What is to be said for the first time in this month. */
  tell: readonly EventKind<typeof quotaWarning.data>[]
}

/** What there is to change; undefined when there is nothing. */
function verdictOn(ctx: Context, row: Used, tier: string | undefined): Verdict | undefined {
  const limit = limitOf(ctx, tier)
  const used = Number(row.bytes)
  const blocked = limit !== undefined && used >= limit
  const warn = limit !== undefined && used >= limit * WARN_AT && row.warnedAt === null
  const exceed = blocked && row.exceededAt === null
  if (blocked === row.blocked && !warn && !exceed) return undefined
  return {
    limit,
    blocked,
    tell: [...(warn ? [quotaWarning] : []), ...(exceed ? [quotaExceeded] : [])],
  }
}

/** Says what there is to say of this account, and blocks or unblocks it; its row is locked. */
async function judge(ctx: Context, row: Used, month: Month, tier: string | undefined) {
  const verdict = verdictOn(ctx, row, tier)
  if (!verdict) return
  const { limit, blocked, tell } = verdict
  const { accountId, period } = row
  const now = ctx.clock.now()
  await ctx.db
    .updateTable('tunnelQuotas')
    .set({
      blocked,
      ...(tell.includes(quotaWarning) && { warnedAt: now }),
      ...(tell.includes(quotaExceeded) && { exceededAt: now }),
    })
    .where('accountId', '=', accountId)
    .where('period', '=', period)
    .execute()
  for (const kind of tell) {
    await ctx.actingFor(accountId).events.emit(kind, {
      ...{ quota: BYTES_QUOTA, accountId, used: Number(row.bytes), limit: limit! },
      resetsAt: month.to.toISOString(),
    })
  }
  if (blocked !== row.blocked) await ctx.jobs.send(RENEW_SPECS, { accountId })
}

/** Judges an account anew, when its tier or a limit has changed. */
export async function judgeQuota(ctx: Context, accountId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const month = monthOf(ctx.clock.now())
    const row = await ctx.db
      .selectFrom('tunnelQuotas')
      .selectAll()
      .where('accountId', '=', accountId)
      .where('period', '=', month.name)
      .forUpdate()
      .executeTakeFirst()
    if (!row) return
    await judge(ctx, row, month, (await tiersOf(ctx, [accountId])).get(accountId))
  })
}

const ACCOUNTS_AT_ONCE = 500

/** Judges all accounts anew: those whose limit was changed are blocked, or open again. */
export async function judgeQuotas(ctx: Context): Promise<void> {
  const { name } = monthOf(ctx.clock.now())
  for (let after: string | undefined = ''; after !== undefined;) {
    ctx.signal.throwIfAborted()
    const rows: Used[] = await ctx.db
      .selectFrom('tunnelQuotas')
      .selectAll()
      .where('period', '=', name)
      .where('accountId', '>', after)
      .orderBy('accountId')
      .limit(ACCOUNTS_AT_ONCE)
      .execute()
    const ids = rows.map(({ accountId }) => accountId)
    const tiers = await tiersOf(ctx, ids)
    for (const row of rows) {
      if (verdictOn(ctx, row, tiers.get(row.accountId))) await judgeQuota(ctx, row.accountId)
    }
    after = ids.at(-1)
  }
}

/** What the account that the context acts for has used of its bytes in this month. */
export async function bytesUsed(ctx: Context): Promise<QuotaState> {
  const { accountId } = ctx
  const month = monthOf(ctx.clock.now())
  const row = await ctx.db
    .selectFrom('tunnelQuotas')
    .select('bytes')
    .where('accountId', '=', accountId)
    .where('period', '=', month.name)
    .executeTakeFirst()
  const limit = limitOf(ctx, (await tiersOf(ctx, [accountId])).get(accountId))
  return { used: Number(row?.bytes ?? 0), limit, resetsAt: month.to }
}

/** Accounts whose tunnels let nothing new in, for the specs that relays get. */
export async function blockedAmong(
  { db, clock }: Context,
  accountIds: readonly string[],
): Promise<Map<string, Blocked>> {
  const month = monthOf(clock.now())
  const rows = await db
    .selectFrom('tunnelQuotas')
    .select('accountId')
    .where('period', '=', month.name)
    .where('blocked', '=', true)
    .where('accountId', '=', sql<string>`any(${accountIds})`)
    .execute()
  const until = month.to.toISOString()
  const detail = `The account of this tunnel has used all bytes of this month. It is open again at ${until}.`
  return new Map(
    rows.map(({ accountId }) => [
      accountId,
      { code: EXCEEDED, detail, untilMs: month.to.getTime() },
    ]),
  )
}
