import { grantablePlatformRoles, platformRank, type PlatformRole } from '#access/index.ts'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { holdSuperAdmins } from '../bootstrap.ts'
import { forgetDevices } from '../factors/remembered.ts'
import { cancelUnrightfulStaff } from '../invitations/cancel.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { staffChanged } from './events.ts'
import { staffProblems } from './problems.ts'
import type { StaffChange } from './schema.ts'

/** As `setStaff`, for whoever has just proved who they are. @throws problem `auth.step_up_required` or what `setStaff` throws */
export async function changeStaff(
  tools: Tools,
  ctx: Context,
  userId: string,
  change: StaffChange,
): Promise<PlatformRole[]> {
  await requireStepUp(ctx)
  return setStaff(tools, ctx, userId, change)
}

/**
 * Gives a user these roles over the installation and no others; announces `user.roles_changed`. One at a time does so, so that of two
 * super-admins who demote each other one stays. Whoever could take the roles of their equals could do anything to them next.
 *
 * @throws problem `user.not_found`, `user.role_above_you`, `user.not_below_you` or `user.last_super_admin`
 */
export async function setStaff(
  tools: Tools,
  ctx: Context,
  userId: string,
  { roles: wanted }: StaffChange,
): Promise<PlatformRole[]> {
  const { userId: callerId } = signedInActor(ctx)
  const roles = [...new Set(wanted)]
  return ctx.transaction(async (ctx) => {
    await holdSuperAdmins(ctx.db)
    const before = await rolesNow(ctx, userId)
    if (!before) throw staffProblems.notFound({ userId })
    const own = await checkWithin(ctx, callerId, [...before, ...roles])
    const isBelow = platformRank(before) < platformRank(own) || own.includes('super-admin')
    if (userId !== callerId && !isBelow) throw staffProblems.notBelowYou({ userId })
    if (before.includes('super-admin') && !roles.includes('super-admin')) {
      await keepASuperAdmin(ctx, userId)
    }
    await ctx.db
      .updateTable('users')
      .set({ platformRoles: roles, updatedAt: ctx.clock.now() })
      .where('id', '=', userId)
      .execute()
    await cancelUnrightfulStaff(ctx, userId)
    await forgetDevices(ctx, userId)
    await ctx.events.emit(staffChanged, { userId, roles, before })
    ctx.afterCommit(() => tools.userChanged(userId))
    return roles
  })
}

async function rolesNow({ db }: Context, userId: string): Promise<PlatformRole[] | undefined> {
  const user = await db
    .selectFrom('users')
    .select('platformRoles')
    .where('id', '=', userId)
    .where('status', '=', 'active')
    .executeTakeFirst()
  return user?.platformRoles
}

/** What the caller is now, and so counts, not what they were when the request came in. @throws problem `user.role_above_you` */
async function checkWithin(
  ctx: Context,
  callerId: string,
  touched: readonly PlatformRole[],
): Promise<PlatformRole[]> {
  const own = (await rolesNow(ctx, callerId)) ?? []
  const grantable = grantablePlatformRoles({ ...signedInActor(ctx), roles: own })
  const isAdmin = platformRank(own) >= platformRank(['admin'])
  if (!isAdmin || touched.some((role) => !grantable.includes(role))) {
    throw staffProblems.aboveYou()
  }
  return own
}

/** Somebody else who is a super-admin stays one: the caller holds them. @throws problem `user.last_super_admin` */
export async function keepASuperAdmin({ db }: Context, userId: string): Promise<void> {
  const other = await db
    .selectFrom('users')
    .select('id')
    .where(sql<boolean>`'super-admin' = any (platform_roles)`)
    .where('status', '=', 'active')
    .where('id', '!=', userId)
    .limit(1)
    .executeTakeFirst()
  if (!other) throw staffProblems.lastSuperAdmin({ userId })
}
