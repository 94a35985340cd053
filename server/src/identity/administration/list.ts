import { type RawBuilder, sql } from 'kysely'
import { searchWithin } from '#kernel/bounded-search.ts'
import type { Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { cutPage, timeText } from '#kernel/http/cursor.ts'
import { isWanted } from './filters.ts'
import { presentSeen } from './present.ts'
import { administrationProblems } from './problems.ts'
import { isReached } from './reach.ts'
import type { AdminUser, Sort, UserQuery } from './schema.ts'
import { seenUsers } from './show.ts'

/** Counted no further: nobody looks through so many. */
const MAX_COUNTED = 10_000
/** A search that matches little looks at every user. */
const LONGEST_SECONDS = 5

interface Order {
  by: RawBuilder<unknown>
  /** As a cursor holds it, to the last digit. */
  text: RawBuilder<string>
  type: 'timestamptz' | 'text'
}

const lastLogin = sql`coalesce(users.last_login_at, '1970-01-01 00:00:00+00'::timestamptz)`

const ORDERS: Record<'createdAt' | 'email' | 'lastLoginAt', Order> = {
  createdAt: {
    ...{ by: sql`users.created_at`, text: timeText('users.createdAt'), type: 'timestamptz' },
  },
  email: { by: sql`users.email_key`, text: sql<string>`users.email_key`, type: 'text' },
  lastLoginAt: {
    ...{ by: lastLogin, type: 'timestamptz' },
    text: sql<string>`to_char(${lastLogin} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
  },
}

interface UserPage {
  items: AdminUser[]
  nextCursor: string | null
  total?: number
}

/**
 * The users whom the caller may see. A cursor is good for the same caller, filters and order only.
 *
 * @throws problem `request.bad_cursor`, `account.not_found` for a filter by an account out of reach, or `user.search_too_wide`
 */
export async function listUsers(ctx: Context, query: UserQuery): Promise<UserPage> {
  const { limit, cursor } = query
  const list = nameOf(ctx, query)
  const place = cursor === undefined ? undefined : placeIn(ctx.cursors.open(list, cursor))
  if (query.accountId) await checkReached(ctx, query.accountId)
  const search = async (ctx: Context) => {
    const { rows, nextCursor } = cutPage(await findIds(ctx, query, place), limit, (row) =>
      ctx.cursors.seal(list, JSON.stringify([row.value, row.id])),
    )
    const items = await readUsers(
      ctx,
      rows.map(({ id }) => id),
    )
    return { items, nextCursor, ...(!place && { total: await count(ctx, query) }) }
  }
  return searchWithin(ctx, LONGEST_SECONDS, search, administrationProblems.searchTooWide)
}

type Place = readonly [value: string, id: string]

function placeIn(text: string): Place {
  return JSON.parse(text) as Place
}

/** What a cursor is bound to. */
function nameOf(
  { actor, accountId }: Context,
  { limit: _limit, cursor: _cursor, ...rest }: UserQuery,
) {
  const whose = 'userId' in actor ? actor.userId : ''
  const filters = JSON.stringify(Object.entries(rest).sort())
  return `admin-users ${whose} ${accountId} ${sha256(filters).toString('base64url')}`
}

async function checkReached(ctx: Context, id: string): Promise<void> {
  const account = await ctx.db
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', id)
    .where('deletedAt', 'is', null)
    .where(isReached(ctx, 'users.read', 'accounts.id'))
    .executeTakeFirst()
  if (!account) throw httpProblems.noAccount({ id })
}

/** Who is on the page, and where each stands in the order. */
function findIds(ctx: Context, query: UserQuery, place: Place | undefined) {
  const { by, text, type, isDown } = orderOf(query.sort)
  const direction = isDown ? 'desc' : 'asc'
  const beyond = isDown ? sql`<` : sql`>`
  return ctx.db
    .selectFrom('users')
    .select(['users.id', text.as('value')])
    .where(isWanted(ctx, query))
    .$if(place !== undefined, (rows) =>
      rows.where(
        sql<boolean>`(${by}, users.id) ${beyond} (${place![0]}::${sql.raw(type)}, ${place![1]})`,
      ),
    )
    .orderBy(by, direction)
    .orderBy('users.id', direction)
    .limit(query.limit + 1)
    .execute()
}

function orderOf(sort: Sort): Order & { isDown: boolean } {
  const isDown = sort.startsWith('-')
  return { ...ORDERS[sort.replace('-', '') as keyof typeof ORDERS], isDown }
}

/** In the order of their ids as given. */
async function readUsers(ctx: Context, ids: string[]): Promise<AdminUser[]> {
  const rows = await seenUsers(ctx)
    .where(sql<boolean>`users.id = any (${ids})`)
    .execute()
  const byId = new Map(rows.map((row) => [row.id, presentSeen(row)]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

async function count(ctx: Context, query: UserQuery): Promise<number> {
  const some = ctx.db
    .selectFrom('users')
    .select('users.id')
    .where(isWanted(ctx, query))
    .limit(MAX_COUNTED)
    .as('some')
  const { total } = await ctx.db
    .selectFrom(some)
    .select(({ fn }) => fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow()
  return Number(total)
}
