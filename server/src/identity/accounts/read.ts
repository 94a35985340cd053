import { allowsAnywhere } from '#access/index.ts'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { AccountRow, MemberRow } from './present.ts'
import { leadsAbove } from './standing.ts'

const ACCOUNTS = 'accounts'
const MEMBERS = 'members'

/** The account that the context acts for. @throws problem `account.not_found` */
export async function getAccount(ctx: Context): Promise<AccountRow> {
  const row = await accountsSeen(ctx).where('accounts.id', '=', ctx.accountId).executeTakeFirst()
  if (!row) throw httpProblems.noAccount({ id: ctx.accountId })
  return row
}

/** Every account that the caller can act for, the newest first; for an API key, its own and those below. */
export async function listAccounts(ctx: Context, { limit, cursor }: PageQuery) {
  const { actor } = ctx
  const place = ctx.cursors.read(ACCOUNTS, cursor)
  const seesAll = allowsAnywhere(actor, 'accounts.read')
  const rows = await accountsSeen(ctx)
    .select(timeText('accounts.createdAt').as('createdAtText'))
    .$if(!seesAll, (query) => query.where(canActFor(ctx)))
    .$if(place !== undefined, (query) =>
      query.where(olderThan('accounts.createdAt', 'accounts.id', place!)),
    )
    .orderBy('accounts.createdAt', 'desc')
    .orderBy('accounts.id', 'desc')
    .limit(limit + 1)
    .execute()
  return cutPage(rows, limit, ({ createdAtText, id }) =>
    ctx.cursors.write(ACCOUNTS, { time: createdAtText, id }),
  )
}

function accountsSeen(ctx: Context) {
  return ctx.db
    .selectFrom('accounts')
    .leftJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'accounts.id')
        .on('members.userId', '=', userIdOf(ctx) ?? ''),
    )
    .selectAll('accounts')
    .select('members.role')
    .where('accounts.deletedAt', 'is', null)
}

function canActFor({ actor }: Context) {
  if (actor.kind !== 'user' && actor.kind !== 'key') return sql<boolean>`false`
  const within = actor.kind === 'key' ? actor.accountId : undefined
  const own = within === undefined ? sql`members.role is not null` : sql`accounts.id = ${within}`
  return sql<boolean>`(${own} or ${leadsAbove(actor.userId, within)})`
}

export function userIdOf({ actor }: Context): string | undefined {
  return 'userId' in actor ? actor.userId : undefined
}

/** The members of the account that the context acts for, the newest first. */
export async function listMembers(ctx: Context, { limit, cursor }: PageQuery) {
  const place = ctx.cursors.read(MEMBERS, cursor)
  const rows = await membersOf(ctx)
    .select(timeText('members.createdAt').as('createdAtText'))
    .$if(place !== undefined, (query) =>
      query.where(olderThan('members.createdAt', 'members.userId', place!)),
    )
    .orderBy('members.createdAt', 'desc')
    .orderBy('members.userId', 'desc')
    .limit(limit + 1)
    .execute()
  return cutPage(rows, limit, ({ createdAtText, userId }) =>
    ctx.cursors.write(MEMBERS, { time: createdAtText, id: userId }),
  )
}

export function findMember(ctx: Context, userId: string): Promise<MemberRow | undefined> {
  return membersOf(ctx).where('members.userId', '=', userId).executeTakeFirst()
}

function membersOf(ctx: Context) {
  return ctx.db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.userId')
    .selectAll('members')
    .select(['users.email', 'users.firstName', 'users.lastName'])
    .where('members.accountId', '=', ctx.accountId)
}
