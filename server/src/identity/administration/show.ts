import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { heldBy } from '../factors/holding.ts'
import { staffProblems } from '../staff/problems.ts'
import type { Tools } from '../tools.ts'
import { usersWithAccounts } from '../users.ts'
import { isWanted } from './filters.ts'
import { presentSeen, type SeenUserRow } from './present.ts'
import { isReached } from './reach.ts'
import type { AdminUser, AdminUserDetails } from './schema.ts'

const MAX_ACCOUNTS = 100

const hasSecondFactor = sql<boolean>`(
  exists (select from totp_secrets t where t.user_id = users.id and t.state = 'active')
  or exists (select from passkeys p where p.user_id = users.id))`

/** Every user whom the caller may see, with their account. */
export function seenUsers(ctx: Context) {
  return usersWithAccounts(ctx.db)
    .select(hasSecondFactor.as('secondFactor'))
    .where(isWanted(ctx, {}))
}

/** @throws problem `user.not_found`, also for one out of reach */
async function findSeen(ctx: Context, userId: string): Promise<SeenUserRow> {
  const user = await seenUsers(ctx).where('users.id', '=', userId).executeTakeFirst()
  if (!user) throw staffProblems.notFound({ userId })
  return user
}

/** @throws problem `user.not_found`, also for one out of reach */
export async function getSeen(ctx: Context, userId: string): Promise<AdminUser> {
  return presentSeen(await findSeen(ctx, userId))
}

/** The same with what an admin has to know to help. @throws problem `user.not_found`, also for one out of reach */
export async function showUser(
  { failures }: Tools,
  ctx: Context,
  userId: string,
): Promise<AdminUserDetails> {
  const user = await findSeen(ctx, userId)
  const { totp, passkeys, codesLeft } = await heldBy(ctx, userId)
  const lockedUntil = await failures.refusedUntil(user.emailKey)
  return {
    ...presentSeen(user),
    accounts: await accountsOf(ctx, userId),
    devices: await countDevices(ctx, userId),
    secondFactors: { authenticatorApp: totp, passkeys, backupCodesLeft: codesLeft },
    ...(lockedUntil && { lockedUntil: lockedUntil.toISOString() }),
  }
}

/** Those that the caller reaches: what else somebody works for is not told to a reseller. */
function accountsOf(ctx: Context, userId: string) {
  return ctx.db
    .selectFrom('members')
    .innerJoin('accounts', 'accounts.id', 'members.accountId')
    .select(['accounts.id', 'accounts.name', 'accounts.kind', 'members.role'])
    .where('members.userId', '=', userId)
    .where('accounts.deletedAt', 'is', null)
    .where(isReached(ctx, 'users.read', 'accounts.id'))
    .orderBy('members.createdAt')
    .orderBy('accounts.id')
    .limit(MAX_ACCOUNTS)
    .execute()
}

async function countDevices({ db, clock }: Context, userId: string): Promise<number> {
  const { count } = await db
    .selectFrom('signIns')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('userId', '=', userId)
    .where('impersonatedFrom', 'is', null)
    .where('revokedAt', 'is', null)
    .where('idleExpiresAt', '>', clock.now())
    .executeTakeFirstOrThrow()
  return Number(count)
}
