import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { accountProblems } from '../accounts/problems.ts'
import { hasAccountsBelow } from '../accounts/tree.ts'
import { leavingProblems } from './problems.ts'

interface Membership {
  accountId: string
  role: string
  /** Other people who stay. */
  others: number
  otherOwners: number
  /** Other people who are to be deleted themselves, but may still come back. */
  returning: number
  returningOwners: number
}

/**
 * The accounts that are the user's alone, and so go with them. They are held until the transaction ends.
 *
 * @throws problem `user.sole_owner` for accounts where others would stay without an owner, or `account.has_accounts`
 */
export async function accountsThatGo(ctx: Context, userId: string): Promise<string[]> {
  const memberships = await holdMemberships(ctx, userId)
  const orphaned = memberships.filter(
    ({ role, others, otherOwners }) => role === 'owner' && others > 0 && otherOwners === 0,
  )
  if (orphaned.length > 0) {
    const accountIds = orphaned.map(({ accountId }) => accountId).join(', ')
    throw leavingProblems.soleOwner({ accountIds })
  }
  const alone = memberships.filter(isTheirs)
  for (const { accountId: id } of alone) {
    if (await hasAccountsBelow(ctx.actingFor(id))) throw accountProblems.hasAccounts({ id })
  }
  return alone.map(({ accountId }) => accountId)
}

/**
 * As above once nothing can be refused any more: an account that others have come to meanwhile stays, and so does one of somebody
 * who may still come back to it.
 */
export async function accountsLeftAlone(ctx: Context, userId: string): Promise<string[]> {
  const memberships = await holdMemberships(ctx, userId)
  const alone: string[] = []
  for (const { accountId, returning } of memberships.filter(isTheirs)) {
    if (returning === 0 && !(await hasAccountsBelow(ctx.actingFor(accountId))))
      alone.push(accountId)
  }
  return alone
}

/** The accounts that would stay without an owner now that nothing can be refused any more, because of who came or came back meanwhile. */
export async function accountsLeftOwnerless(ctx: Context, userId: string): Promise<string[]> {
  const memberships = await holdMemberships(ctx, userId)
  const ownerless = memberships.filter(
    ({ role, others, otherOwners, returning, returningOwners }) =>
      role === 'owner' && others + returning > 0 && otherOwners + returningOwners === 0,
  )
  return ownerless.map(({ accountId }) => accountId)
}

/** Where somebody works alone but owns nothing, the account is that of whoever made it. */
function isTheirs({ role, others }: Membership): boolean {
  return role === 'owner' && others === 0
}

async function holdMemberships({ db }: Context, userId: string): Promise<Membership[]> {
  const held = await db
    .selectFrom('accounts')
    .select('id')
    .where('deletedAt', 'is', null)
    .where('id', 'in', (query) =>
      query.selectFrom('members').select('accountId').where('userId', '=', userId),
    )
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  const { rows } = await sql<Membership>`
    select own.account_id as "accountId", own.role,
      count(u.id) filter (where u.status <> 'leaving')::integer as "others",
      count(u.id) filter (where u.status <> 'leaving' and other.role = 'owner')::integer as "otherOwners",
      count(u.id) filter (where u.status = 'leaving')::integer as "returning",
      count(u.id) filter (where u.status = 'leaving' and other.role = 'owner')::integer as "returningOwners"
    from members own
    left join members other on other.account_id = own.account_id and other.user_id <> own.user_id
    left join users u on u.id = other.user_id and ${mayWork('u')}
    where own.user_id = ${userId} and own.account_id = any (${held.map(({ id }) => id)})
    group by own.account_id, own.role order by own.account_id`.execute(db)
  return rows
}

/** Who is there, and who is to be deleted and may still come back. */
export function mayWork(users: 'u' | 'users') {
  const id = sql.ref(`${users}.id`)
  return sql<boolean>`(${sql.ref(`${users}.status`)} in ('active', 'disabled')
    or (${sql.ref(`${users}.status`)} = 'leaving' and exists (
      select from departures where user_id = ${id} and begun_at is null)))`
}
