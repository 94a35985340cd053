import { sql } from 'kysely'
import { AddressRanges } from '#kernel/address-ranges.ts'
import { actorId, type Context } from '#kernel/context.ts'
import { allowlistChanged } from './events.ts'
import type { AddressLists } from './address-lists.ts'
import { problems } from './problems.ts'
import type { Allowlist, AllowlistChange } from './schema.ts'

/** @param address where the request came from */
export async function showAllowlist(
  ctx: Context,
  { configured }: AddressLists,
  address: string,
): Promise<Allowlist> {
  const rows = await ctx.db.selectFrom('adminAddresses').selectAll().orderBy('range').execute()
  const ranges = rows.map(({ addedAt, ...row }) => ({ ...row, addedAt: addedAt.toISOString() }))
  return { ranges, configured: [...configured], yourAddress: address }
}

/**
 * Makes these the ranges that staff may come from, beside those of the configuration; every process follows within 5 s. Announces
 * `addresses.allowlist_changed`.
 *
 * @param address where the request came from, which has to be among them
 * @throws problem `addresses.would_lock_out`
 */
export async function changeAllowlist(
  ctx: Context,
  lists: AddressLists,
  { ranges }: AllowlistChange,
  address: string,
): Promise<Allowlist> {
  const all = [...ranges.map(({ range }) => range), ...lists.configured]
  if (all.length > 0 && !new AddressRanges(all).include(address)) {
    throw problems.wouldLockOut({ address })
  }
  await ctx.transaction((ctx) => replace(ctx, ranges))
  await lists.refresh()
  return showAllowlist(ctx, lists, address)
}

/** Lets staff in from anywhere again, but for what the configuration says; returns how many ranges there were. */
export async function clearAllowlist(ctx: Context): Promise<number> {
  return ctx.transaction((ctx) => replace(ctx, []))
}

/** Those that stay keep who added them. */
async function replace(ctx: Context, ranges: AllowlistChange['ranges']): Promise<number> {
  // Changes follow one another, so that each tells of what it changed.
  await sql`select pg_advisory_xact_lock(hashtextextended('addresses.allowlist', 0))`.execute(
    ctx.db,
  )
  const before = await ctx.db.selectFrom('adminAddresses').selectAll().execute()
  const isSame = (one: { range: string; description: string }) =>
    ranges.some(({ range, description }) => range === one.range && description === one.description)
  const gone = before.filter((row) => !isSame(row)).map(({ range }) => range)
  const kept = new Set(before.filter(isSame).map(({ range }) => range))
  const added = ranges.filter(({ range }) => !kept.has(range))
  if (gone.length === 0 && added.length === 0) return before.length
  if (gone.length > 0) {
    await ctx.db.deleteFrom('adminAddresses').where('range', 'in', gone).execute()
  }
  const by = { addedBy: actorId(ctx.actor) ?? 'system', addedAt: ctx.clock.now() }
  if (added.length > 0) {
    const rows = added.map((one) => ({ ...one, ...by }))
    await ctx.db.insertInto('adminAddresses').values(rows).execute()
  }
  await ctx.events.emit(allowlistChanged, {
    ...{ list: 'admin', ranges: ranges.length },
    ...{ added: added.map(({ range }) => range), removed: gone },
  })
  return before.length
}
