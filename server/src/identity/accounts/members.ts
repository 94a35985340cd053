import { sql } from 'kysely'
import { ACCOUNT_RANKS, type AccountRole, grantableRoles } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { forgetDevices } from '../factors/remembered.ts'
import { cancelUnrightful } from '../invitations/cancel.ts'
import { endKeysOf } from '../keys/end-of-member.ts'
import { createPersonalAccount } from '../people.ts'
import { isWeighty, requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor, type UserRow } from '../users.ts'
import { memberChanged, memberRemoved, ownershipTransferred } from './events.ts'
import { holdAccount } from './hold.ts'
import type { MemberRow } from './present.ts'
import { memberProblems } from './problems.ts'
import { findMember } from './read.ts'
import type { MemberChange, Transfer } from './schema.ts'

/**
 * Gives a member of the account another role; announces `member.role_changed`.
 *
 * @throws problem `member.not_found`, `member.above_you`, `auth.step_up_required` to make an admin or owner, or `member.last_owner`: of two owners who demote each other at once, one wins
 */
export async function changeRole(
  tools: Tools,
  ctx: Context,
  userId: string,
  { role }: MemberChange,
): Promise<MemberRow> {
  return ctx.transaction(async (ctx) => {
    const acting = await holdAccount(ctx, 'members.write')
    const member = await memberWithin(acting, userId, role)
    if (member.role === role) return member
    if (isPromotion(member.role, role)) await requireStepUp(acting)
    if (member.role === 'owner') await keepAnOwner(acting, userId)
    await setRole(tools, acting, member, role)
    return { ...member, role }
  })
}

/**
 * Takes a member out of the account; announces `member.removed`. Whoever has no other account gets a new personal one.
 *
 * @throws problem `member.not_found`, `member.above_you` or `member.last_owner`
 */
export async function removeMember(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const acting = await holdAccount(ctx, 'members.write')
    await takeOut(tools, acting, await memberWithin(acting, userId), { left: false })
  })
}

/** Takes the caller out of the account. @throws problem `member.not_found` or `member.last_owner` */
export async function leaveAccount(tools: Tools, ctx: Context): Promise<void> {
  const { userId } = signedInActor(ctx)
  await ctx.transaction(async (ctx) => {
    const acting = await holdAccount(ctx)
    await takeOut(tools, acting, await memberOf(acting, userId), { left: true })
  })
}

/**
 * Makes a member the owner of the account, and an admin of whoever hands it over; from above, of every owner before. Announces
 * `account.ownership_transferred`.
 *
 * @throws problem `auth.step_up_required` or `member.not_found`
 */
export async function transferAccount(
  tools: Tools,
  ctx: Context,
  { userId }: Transfer,
): Promise<MemberRow> {
  const { userId: callerId } = signedInActor(ctx)
  await requireStepUp(ctx)
  return ctx.transaction(async (ctx) => {
    const acting = await holdAccount(ctx, 'accounts.transfer')
    const member = await memberOf(acting, userId)
    const owners = await ownersOf(acting)
    const isOwner = owners.includes(callerId)
    const from = owners.filter((id) => id !== userId && (!isOwner || id === callerId))
    await setRole(tools, acting, member, 'owner')
    for (const id of from) await setRole(tools, acting, await memberOf(acting, id), 'admin')
    await acting.events.emit(ownershipTransferred, { to: userId, from })
    return { ...member, role: 'owner' }
  })
}

/** Takes out everybody, when the account itself goes. */
export async function takeOutAll(tools: Tools, ctx: Context): Promise<void> {
  const members = await ctx.db
    .selectFrom('members')
    .select('userId')
    .where('accountId', '=', ctx.accountId)
    .execute()
  const ids = members.map(({ userId }) => userId)
  for (const user of await holdUsers(ctx, ids)) {
    const { id: userId } = user
    await endMembership(ctx, userId)
    await giveHome(ctx, user)
    await endKeysOf(tools, ctx, userId)
    ctx.afterCommit(() => tools.userChanged(userId))
  }
}

/** A member whose role, and the one they are to get, the caller may give and take. */
async function memberWithin(
  acting: Context,
  userId: string,
  role?: AccountRole,
): Promise<MemberRow> {
  const member = await memberOf(acting, userId)
  const grantable = grantableRoles(acting.actor)
  const isWithin = [member.role, role ?? member.role].every((one) => grantable.includes(one))
  if (!isWithin) throw memberProblems.aboveYou({ role: grantable.at(-1) ?? 'none' })
  return member
}

async function memberOf(ctx: Context, userId: string): Promise<MemberRow> {
  const member = await findMember(ctx, userId)
  if (!member) throw memberProblems.notFound({ userId })
  return member
}

async function ownersOf(ctx: Context): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('members')
    .select('userId')
    .where('accountId', '=', ctx.accountId)
    .where('role', '=', 'owner')
    .execute()
  return rows.map(({ userId }) => userId)
}

/** Somebody else who is an owner stays: one who is to be deleted does not. @throws problem `member.last_owner` */
async function keepAnOwner({ db, accountId: id }: Context, userId: string): Promise<void> {
  const other = await db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.userId')
    .select('users.id')
    .where('members.accountId', '=', id)
    .where('members.role', '=', 'owner')
    .where('users.status', 'in', ['active', 'disabled'])
    .where('users.id', '!=', userId)
    .limit(1)
    .executeTakeFirst()
  if (!other) throw memberProblems.lastOwner({ id })
}

/** Whether the member is raised to a role that gives roles to others. */
function isPromotion(before: AccountRole, role: AccountRole): boolean {
  const isRaised = ACCOUNT_RANKS.indexOf(role) > ACCOUNT_RANKS.indexOf(before)
  return isRaised && isWeighty({ role, platformRole: null })
}

/** Gives a member another role, in the caller's transaction, which holds the account; announces `member.role_changed`. */
export async function setRole(
  tools: Tools,
  ctx: Context,
  { userId, role: before }: Pick<MemberRow, 'userId' | 'role'>,
  role: AccountRole,
): Promise<void> {
  if (role === before) return
  await ctx.db
    .updateTable('members')
    .set({ role })
    .where('accountId', '=', ctx.accountId)
    .where('userId', '=', userId)
    .execute()
  await cancelUnrightful(ctx, userId)
  if (isPromotion(before, role)) await forgetDevices(ctx, userId)
  await ctx.events.emit(memberChanged, { userId, role, before })
  ctx.afterCommit(() => tools.userChanged(userId))
}

async function takeOut(
  tools: Tools,
  ctx: Context,
  { userId, role }: MemberRow,
  { left }: { left: boolean },
): Promise<void> {
  if (role === 'owner') await keepAnOwner(ctx, userId)
  const users = await holdUsers(ctx, [userId])
  await endMembership(ctx, userId)
  await cancelUnrightful(ctx, userId)
  await ctx.events.emit(memberRemoved, { userId, role, left })
  for (const user of users) await giveHome(ctx, user)
  await endKeysOf(tools, ctx, userId)
  ctx.afterCommit(() => tools.userChanged(userId))
}

type Homed = Pick<UserRow, 'id' | 'accountId' | 'email' | 'firstName' | 'lastName'>

/** Keeps the users where they are until the transaction ends: of two accounts that lose one at once, the second sees what the first did. */
function holdUsers({ db }: Context, ids: readonly string[]): Promise<Homed[]> {
  return db
    .selectFrom('users')
    .select(['id', 'accountId', 'email', 'firstName', 'lastName'])
    .where(sql<boolean>`id = any (${ids})`)
    .orderBy('id')
    .forUpdate()
    .execute()
}

async function endMembership({ db, accountId }: Context, userId: string): Promise<void> {
  await db
    .deleteFrom('members')
    .where('accountId', '=', accountId)
    .where('userId', '=', userId)
    .execute()
}

/** Sees to it that a user who acted for this account by default has another one to act for. */
async function giveHome(ctx: Context, user: Homed): Promise<void> {
  if (user.accountId !== ctx.accountId) return
  const { id: userId } = user
  const other = await ctx.db
    .selectFrom('members')
    .select('accountId')
    .where('userId', '=', userId)
    .where('accountId', '!=', ctx.accountId)
    .orderBy('createdAt')
    .orderBy('accountId')
    .executeTakeFirst()
  const accountId = other?.accountId ?? (await foundHome(ctx, user))
  await ctx.db.updateTable('users').set({ accountId }).where('id', '=', userId).execute()
}

async function foundHome(ctx: Context, user: Homed): Promise<string> {
  const accountId = await createPersonalAccount(ctx, user)
  await ctx.db
    .insertInto('members')
    .values({ accountId, userId: user.id, role: 'owner', createdAt: ctx.clock.now() })
    .execute()
  return accountId
}
