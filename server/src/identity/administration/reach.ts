import { allowsAnywhere, platformRank } from '#access/index.ts'
import { type RawBuilder, sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { demand } from '../accounts/hold.ts'
import { findStance, platformRolesOf } from '../accounts/standing.ts'
import { staffProblems } from '../staff/problems.ts'
import { findUser, type UserRow } from '../users.ts'
import { administrationProblems } from './problems.ts'

/** What the administration of users asks for. */
export type UserPermission =
  | 'users.read'
  | 'users.write'
  | 'users.create'
  | 'users.delete'
  | 'users.secure'
  | 'users.tier'
  | 'staff.write'

/**
 * The condition that an account is one whose users the caller reaches: all of them for who runs the installation, those below a
 * reseller for its admin. Accounts of others are not there.
 */
export function isReached(
  ctx: Context,
  permission: UserPermission,
  account: string,
): RawBuilder<boolean> {
  const { actor } = ctx
  if (actor.kind === 'system' || allowsAnywhere(actor, permission)) return sql<boolean>`true`
  if (!('accountId' in actor)) return sql<boolean>`false`
  const { standing = 'own' } = actor
  // Of an account below, the account itself belongs to it; its own account is none of a reseller's customers.
  const itself = standing === 'own' ? sql`and id <> ${actor.accountId}` : sql``
  return sql<boolean>`${sql.ref(account)} in (
    select id from accounts where path @> array[${actor.accountId}] and deleted_at is null ${itself})`
}

/** The caller as they are now, which may be less than when they asked. @throws problem `auth.forbidden` */
export async function callerNow(ctx: Context, permission: UserPermission): Promise<Context> {
  const { actor, accountId, db } = ctx
  if (!('userId' in actor)) return ctx
  const { userId } = actor
  const person = await db
    .selectFrom('users')
    .select('platformRoles')
    .where('id', '=', userId)
    .where('status', '=', 'active')
    .executeTakeFirst()
  const stance = person && (await findStance(db, { userId, ...person }, accountId))
  if (!stance) throw httpProblems.forbidden({ permission })
  const { roles, standing } = stance
  const acting = ctx.with({ actor: { ...actor, roles, standing } })
  demand(acting, permission)
  return acting
}

interface Held {
  /** The caller as they are now. */
  acting: Context
  user: UserRow
}

/**
 * The user whom the caller is about to change, held until the transaction ends.
 *
 * @param self whether it may be the caller
 * @throws problem `auth.forbidden`, `user.not_found` for one out of reach, or what `checkWithin` throws
 */
export async function holdUser(
  ctx: Context,
  userId: string,
  { permission, self = false }: { permission: UserPermission; self?: boolean },
): Promise<Held> {
  const acting = await callerNow(ctx, permission)
  const held = await acting.db
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where(isReached(acting, permission, 'users.accountId'))
    .forUpdate()
    .executeTakeFirst()
  const user = held && (await findUser(acting.db, 'id', userId))
  if (!user) throw staffProblems.notFound({ userId })
  await checkWithin(acting, [user], { permission, self })
  return { acting, user }
}

type Target = Pick<UserRow, 'id' | 'platformRoles'>

/**
 * Whether the caller may change these users, whom they reach: nobody of their own rank or above, but for a super-admin; and a reseller
 * nobody who works for others, too.
 *
 * @throws problem `user.is_you`, `user.not_below_you` or `user.belongs_elsewhere`
 */
export async function checkWithin(
  ctx: Context,
  users: readonly Target[],
  { permission, self }: { permission: UserPermission; self: boolean },
): Promise<void> {
  const { actor } = ctx
  if (!('userId' in actor)) return
  const own = platformRolesOf(actor)
  for (const { id, platformRoles } of users) {
    const isCaller = id === actor.userId
    if (isCaller && !self) throw administrationProblems.isYou()
    const isBelow = platformRank(platformRoles) < Math.max(platformRank(own), 1)
    if (!isCaller && !isBelow && !own.includes('super-admin')) {
      throw staffProblems.notBelowYou({ userId: id })
    }
  }
  if (allowsAnywhere(actor, permission)) return
  const elsewhere = await memberElsewhere(
    ctx,
    permission,
    users.map(({ id }) => id),
  )
  if (elsewhere) throw administrationProblems.belongsElsewhere({ userId: elsewhere })
}

/** One of the users who is a member of an account out of reach; the personal one that everybody has does not count. */
async function memberElsewhere(
  ctx: Context,
  permission: UserPermission,
  ids: readonly string[],
): Promise<string | undefined> {
  const found = await ctx.db
    .selectFrom('members')
    .innerJoin('accounts', 'accounts.id', 'members.accountId')
    .select('members.userId')
    .where(sql<boolean>`members.user_id = any (${ids})`)
    .where('accounts.kind', '!=', 'personal')
    .where('accounts.deletedAt', 'is', null)
    .where(sql<boolean>`not ${isReached(ctx, permission, 'accounts.id')}`)
    .orderBy('members.userId')
    .limit(1)
    .executeTakeFirst()
  return found?.userId
}
