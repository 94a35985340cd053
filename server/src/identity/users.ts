import { type Selectable, sql } from 'kysely'
import type { AccountRole, PlatformRole, Role } from '#access/index.ts'
import type { Actor, Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { User } from './schema.ts'
import { settingsOf } from './settings.ts'
import type { AccountKind, Tier, UserTable } from './tables.ts'

/** A user with what their account says of them. */
export type UserRow = Selectable<UserTable> & {
  tier: Tier
  accountKind: AccountKind
  accountRole: AccountRole
  avatarId: string | null
}

/** The user with this value in a unique column. */
export async function findUser(
  db: Db,
  column: 'id' | 'emailKey',
  value: string,
): Promise<UserRow | undefined> {
  return usersWithAccounts(db).where(`users.${column}`, '=', value).executeTakeFirst()
}

/** Every user, with what their account says of them. */
export function usersWithAccounts(db: Db) {
  return db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.id', 'users.accountId')
    .innerJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'users.accountId')
        .onRef('members.userId', '=', 'users.id'),
    )
    .leftJoin('avatars', (join) =>
      join.onRef('avatars.userId', '=', 'users.id').on('avatars.isCurrent', '=', true),
    )
    .selectAll('users')
    .select('avatars.id as avatarId')
    .select(['accounts.tier', 'accounts.kind as accountKind', 'members.role as accountRole'])
}

/** The account that the user belongs to; nothing when there is no such user. */
export async function accountOfUser({ db }: Context, userId: string): Promise<string | undefined> {
  const user = await db
    .selectFrom('users')
    .select('accountId')
    .where('id', '=', userId)
    .executeTakeFirst()
  return user?.accountId
}

const MOST_SUPER_ADMINS = 50

/** Where those who run the installation get mail. */
export async function superAdminAddresses({ db }: Context): Promise<string[]> {
  const users = await db
    .selectFrom('users')
    .select('email')
    .where(sql<boolean>`'super-admin' = any(platform_roles)`)
    .where('status', '=', 'active')
    .orderBy('id')
    .limit(MOST_SUPER_ADMINS)
    .execute()
  return users.map(({ email }) => email)
}

/** The roles of a member: those over the platform, the one in the account, and what it means for the accounts below. */
export function rolesOf(
  platform: readonly PlatformRole[],
  account: AccountRole,
  kind: AccountKind,
): Role[] {
  const leads = kind === 'reseller' && (account === 'owner' || account === 'admin')
  return [...platform, ...(leads ? (['reseller-admin'] as const) : []), `account-${account}`]
}

function rolesOfUser({ platformRoles, accountRole, accountKind }: UserRow): Role[] {
  return rolesOf(platformRoles, accountRole, accountKind)
}

export function actorOf(user: UserRow, signInId: string): Actor {
  const { id: userId, accountId } = user
  return { kind: 'user', userId, accountId, roles: rolesOfUser(user), signInId }
}

/** The person who is signed in. @throws problem `auth.unauthenticated`, or `auth.key_not_allowed` for an API key */
export function signedInActor({ actor }: Context): Actor & { kind: 'user' } {
  if (actor.kind === 'key') throw httpProblems.keyNotAllowed()
  if (actor.kind !== 'user') throw httpProblems.unauthenticated()
  return actor
}

export function presentUser(user: UserRow): User {
  const { id, email, emailVerified, firstName, lastName, tier, accountId, lastLoginAt } = user
  return {
    id,
    email,
    emailVerified,
    ...(firstName !== null && { firstName }),
    ...(lastName !== null && { lastName }),
    ...(user.avatarId !== null && { avatarUrl: `/api/v1/avatars/${user.avatarId}` }),
    tier,
    roles: rolesOfUser(user),
    accountId,
    settings: settingsOf(user),
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
    ...(lastLoginAt && { lastLoginAt: lastLoginAt.toISOString() }),
  }
}
