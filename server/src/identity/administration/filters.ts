import { type RawBuilder, sql } from 'kysely'
import { allowsAnywhere } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { isReached } from './reach.ts'
import type { UserQuery } from './schema.ts'

type Condition = RawBuilder<boolean>
type Filters = Omit<UserQuery, 'limit' | 'cursor' | 'sort'>

/** What each filter asks of a row of `users`. One that needs another table looks there for the whole of it, not once for each user. */
const CONDITIONS: { [Name in keyof Filters]-?: (value: NonNullable<Filters[Name]>) => Condition } =
  {
    // No pattern: every character stands for itself.
    q: (text) => sql`strpos(
    lower(concat_ws(' ', users.email, users.first_name, users.last_name)), lower(${text})) > 0`,
    status: (status) => sql`users.status = ${status}`,
    role: (role) => sql`users.platform_roles @> array[${role}]::text[]`,
    tier: (tier) => sql`users.account_id in (select id from accounts where tier = ${tier})`,
    accountId: (id) => sql`users.id in (select user_id from members where account_id = ${id})`,
    verified: (isSo) => sql`users.email_verified = ${isSo === 'true'}`,
    secondFactor: (isSo) => (isSo === 'true' ? holdsFactor : sql`not ${holdsFactor}`),
    createdFrom: (time) => sql`users.created_at >= ${time}::timestamptz`,
    createdTo: (time) => sql`users.created_at < ${time}::timestamptz`,
    lastLoginFrom: (time) => sql`users.last_login_at >= ${time}::timestamptz`,
    lastLoginTo: (time) =>
      sql`(users.last_login_at is null or users.last_login_at < ${time}::timestamptz)`,
  }

const holdsFactor = sql<boolean>`users.id in (
  select user_id from totp_secrets where state = 'active' union all select user_id from passkeys)`

/** The condition on `users` that the query asks for them, and that the caller may see them. */
export function isWanted(ctx: Context, query: Filters): Condition {
  const names = Object.keys(CONDITIONS) as (keyof Filters)[]
  const conditions = names.flatMap((name) => {
    const value = query[name]
    return value === undefined ? [] : [CONDITIONS[name](value as never)]
  })
  const seesAll = ctx.actor.kind === 'system' || allowsAnywhere(ctx.actor, 'users.read')
  if (!seesAll) conditions.push(isReached(ctx, 'users.read', 'users.accountId'))
  return sql`(${sql.join([sql`users.status <> 'deleted'`, ...conditions], sql` and `)})`
}
