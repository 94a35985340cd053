import { linkTo, sendMail } from '#notifications/index.ts'
import { sql } from 'kysely'
import { actorId, type Context } from '#kernel/context.ts'
import { holdTree } from '../accounts/hold.ts'
import { holdSuperAdmins } from '../bootstrap.ts'
import { forgetDevices } from '../factors/remembered.ts'
import { cancelAll, cancelThoseOf } from '../invitations/cancel.ts'
import { revokeKeysOf } from '../keys/service.ts'
import { issueToken, voidTokens } from '../one-time-tokens.ts'
import { revokeAll } from '../sign-ins.ts'
import { keepASuperAdmin } from '../staff/change.ts'
import { staffProblems } from '../staff/problems.ts'
import { mailedPurposes } from '../tables.ts'
import type { Tools } from '../tools.ts'
import { findUser, type UserRow } from '../users.ts'
import { deletionScheduled } from './events.ts'
import { leavingProblems } from './problems.ts'
import { restoreDays } from './settings.ts'
import { accountsThatGo } from './what-goes.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Has a user deleted after the days of grace, in the caller's transaction if there is one; returns until when they can be restored.
 * Nobody acts as them from now on: sign-ins, API keys, remembered devices and mailed links end, here at once and elsewhere within 5 s.
 * Announces `user.deletion_scheduled` and mails the user; only who asked for it themselves gets a link that restores. Who may ask is
 * checked by the caller.
 *
 * @throws problem `user.not_found`, `user.leaving`, `user.last_super_admin`, `user.sole_owner` or `account.has_accounts`
 */
export async function scheduleDeletion(tools: Tools, ctx: Context, userId: string): Promise<Date> {
  return ctx.transaction(async (ctx) => {
    await holdTree(ctx.db)
    await holdSuperAdmins(ctx.db)
    const user = await findLeaver(ctx, userId)
    if (user.platformRoles.includes('super-admin')) await keepASuperAdmin(ctx, userId)
    const accountIds = await accountsThatGo(ctx, userId)
    const dueAt = await insertDeparture(ctx, user)
    await stopEverything(tools, ctx, user, accountIds)
    const by = actorId(ctx.actor)
    const facts = { userId, ...(by && { by }), dueAt: dueAt.toISOString() }
    await ctx.actingFor(user.accountId).events.emit(deletionScheduled, facts)
    await tell(ctx, user, dueAt, by === userId)
    return dueAt
  })
}

async function findLeaver(ctx: Context, userId: string): Promise<UserRow> {
  await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
  const user = await findUser(ctx.db, 'id', userId)
  if (!user || user.status === 'deleted') throw staffProblems.notFound({ userId })
  if (user.status !== 'leaving') return user
  const { dueAt } = await ctx.db
    .selectFrom('departures')
    .select('dueAt')
    .where('userId', '=', userId)
    .executeTakeFirstOrThrow()
  throw leavingProblems.leaving({ userId, dueAt: dueAt.toISOString() })
}

async function insertDeparture(ctx: Context, { id: userId, status }: UserRow): Promise<Date> {
  const now = ctx.clock.now()
  const dueAt = new Date(now.getTime() + ctx.settings.get(restoreDays) * DAY_MS)
  await ctx.db
    .insertInto('departures')
    .values({
      ...{ userId, statusBefore: status as 'active' | 'disabled', dueAt },
      ...{ requestedAt: now, requestedBy: 'userId' in ctx.actor ? ctx.actor.userId : null },
    })
    .execute()
  return dueAt
}

/** What would let anybody go on in the user's name, or come into the accounts that go. */
async function stopEverything(
  tools: Tools,
  ctx: Context,
  { id: userId }: UserRow,
  accountIds: readonly string[],
): Promise<void> {
  await ctx.db
    .updateTable('users')
    .set({ status: 'leaving', ver: sql<number>`ver + 1`, updatedAt: ctx.clock.now() })
    .where('id', '=', userId)
    .execute()
  await revokeAll(tools, ctx, { userId, reason: 'left' })
  await revokeKeysOf(tools, ctx, userId)
  await forgetDevices(ctx, userId)
  await voidTokens(ctx, userId, mailedPurposes)
  await cancelThoseOf(ctx, userId)
  for (const id of accountIds) await cancelAll(ctx.actingFor(id))
  ctx.afterCommit(() => tools.userChanged(userId))
}

async function tell(ctx: Context, user: UserRow, dueAt: Date, mayRestore: boolean): Promise<void> {
  const { email: to, accountId } = user
  const restoreUntil = dueAt.toISOString()
  const link = mayRestore ? { link: await restoreLink(ctx, user, dueAt) } : {}
  const values = { restoreUntil, ...link }
  await sendMail(ctx, { to, template: 'account_deletion', values, accountId })
}

async function restoreLink(
  ctx: Context,
  { id: userId, email }: UserRow,
  expiresAt: Date,
): Promise<string> {
  const token = await issueToken(ctx, { userId, purpose: 'restore_user', email, expiresAt })
  return linkTo(ctx, 'restore-user', token)
}

/** Mails once more the link that restores, to who asked to be deleted themselves; nothing otherwise. */
export async function mailRestoreLink(ctx: Context, user: UserRow): Promise<void> {
  const departure = await ctx.db
    .selectFrom('departures')
    .select('dueAt')
    .where('userId', '=', user.id)
    .where('requestedBy', '=', user.id)
    .where('begunAt', 'is', null)
    .where('dueAt', '>', ctx.clock.now())
    .executeTakeFirst()
  if (departure) await tell(ctx, user, departure.dueAt, true)
}
