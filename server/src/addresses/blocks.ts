import { sql } from 'kysely'
import { AddressRanges } from '#kernel/address-ranges.ts'
import { actorId, type Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import type { AddressLists } from './address-lists.ts'
import { blocked, unblocked } from './events.ts'
import { problems } from './problems.ts'
import type { Block, CreateBlock } from './schema.ts'
import type { AddressBlockRow } from './tables.ts'

/** Each is looked at on every request. */
const MAX_BLOCKS = 1_000
const LIST = 'addresses.blocks'

/** Those that count, the newest first. */
export async function listBlocks(ctx: Context, { limit, cursor }: PageQuery) {
  const place = ctx.cursors.read(LIST, cursor)
  const rows = await ctx.db
    .selectFrom('addressBlocks')
    .selectAll()
    .select(timeText('created_at').as('createdText'))
    .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', ctx.clock.now())]))
    .$if(place !== undefined, (query) => query.where(olderThan('created_at', 'id', place!)))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const page = cutPage(rows, limit, ({ createdText, id }) =>
    ctx.cursors.write(LIST, { time: createdText, id }),
  )
  return { items: page.rows.map(present), nextCursor: page.nextCursor }
}

/**
 * Closes everything, or what signs in, to a range; every process follows within 5 s. Announces `addresses.blocked`.
 *
 * @param address where the request came from, which must not be in the range
 * @throws problem `addresses.would_lock_out`, `addresses.already_blocked`, `addresses.too_many_blocks` or
 * `addresses.block_ends_in_the_past`
 */
export async function createBlock(
  ctx: Context,
  lists: AddressLists,
  { expiresAt, ...given }: CreateBlock,
  address: string,
): Promise<Block> {
  const ends = expiresAt === undefined ? null : new Date(expiresAt)
  if (ends && ends <= ctx.clock.now()) throw problems.endsInThePast()
  const isOwn = new AddressRanges([given.range]).include(address)
  if (isOwn && !new AddressRanges(lists.configured).include(address)) {
    throw problems.wouldLockOut({ address })
  }
  const row: AddressBlockRow = {
    ...{ ...given, id: ctx.newId('blk'), expiresAt: ends },
    ...{ createdBy: actorId(ctx.actor) ?? 'system', createdAt: ctx.clock.now() },
  }
  await ctx.transaction((ctx) => insert(ctx, row))
  await lists.refresh()
  return present(row)
}

/** Announces `addresses.unblocked`. @throws problem `addresses.block_not_found` */
export async function liftBlock(ctx: Context, lists: AddressLists, id: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .deleteFrom('addressBlocks')
      .where('id', '=', id)
      .returning(['range', 'scope'])
      .executeTakeFirst()
    if (!row) throw problems.blockNotFound({ id })
    await ctx.events.emit(unblocked, { id, ...row })
  })
  await lists.refresh()
}

async function insert(ctx: Context, row: AddressBlockRow): Promise<void> {
  // One after the other, so that their number is what was counted.
  await sql`select pg_advisory_xact_lock(hashtextextended('addresses.blocks', 0))`.execute(ctx.db)
  await ctx.db.deleteFrom('addressBlocks').where('expiresAt', '<=', ctx.clock.now()).execute()
  const { count } = await ctx.db
    .selectFrom('addressBlocks')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) >= MAX_BLOCKS) throw problems.tooManyBlocks({ limit: MAX_BLOCKS })
  const { numInsertedOrUpdatedRows } = await ctx.db
    .insertInto('addressBlocks')
    .values(row)
    .onConflict((conflict) => conflict.columns(['range', 'scope']).doNothing())
    .executeTakeFirst()
  if (numInsertedOrUpdatedRows === 0n) throw problems.alreadyBlocked({ range: row.range })
  const { id, scope, range, reason, expiresAt } = row
  const ends = expiresAt?.toISOString() ?? null
  await ctx.events.emit(blocked, { id, scope, range, reason, expiresAt: ends })
}

function present(row: AddressBlockRow): Block {
  const { id, range, scope, reason, expiresAt, createdBy, createdAt } = row
  return {
    ...{ id, range, scope, reason, createdBy },
    expiresAt: expiresAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
