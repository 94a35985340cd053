import type { Context } from '#kernel/context.ts'
import { holdSuperAdmins } from '../bootstrap.ts'
import { forgetDevices } from '../factors/remembered.ts'
import { voidTokens } from '../one-time-tokens.ts'
import { revokeAll } from '../sign-ins.ts'
import { keepASuperAdmin } from '../staff/change.ts'
import type { Tools } from '../tools.ts'
import { userDeactivated, userReactivated } from './events.ts'
import { administrationProblems } from './problems.ts'
import { holdUser } from './reach.ts'
import type { Deactivate } from './schema.ts'

const permission = 'users.write'

/**
 * Ends all that a user has open, and lets nobody sign in as them: here at once, elsewhere within 5 s. Their keys do not count meanwhile.
 * Announces `user.deactivated`, which ends their browsers. Whether anything changed.
 *
 * @throws problem `user.wrong_status`, `user.last_super_admin` or what `holdUser` throws
 */
export async function deactivateUser(
  tools: Tools,
  ctx: Context,
  userId: string,
  { reason }: Deactivate,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    await holdSuperAdmins(ctx.db)
    const { acting, user } = await holdUser(ctx, userId, { permission })
    if (user.status === 'disabled') return false
    if (user.status !== 'active')
      throw administrationProblems.wrongStatus({ userId, status: user.status })
    if (user.platformRoles.includes('super-admin')) await keepASuperAdmin(acting, userId)
    await acting.db
      .updateTable('users')
      .set({ status: 'disabled', ver: user.ver + 1, updatedAt: ctx.clock.now() })
      .where('id', '=', userId)
      .execute()
    await revokeAll(tools, acting, { userId, reason: 'signed_out_elsewhere' })
    await forgetDevices(acting, userId)
    await voidTokens(acting, userId, ['reset_password', 'verify_email', 'confirm_new_email'])
    const { events } = acting.actingFor(user.accountId)
    await events.emit(userDeactivated, { userId, ...(reason && { reason }) })
    ctx.afterCommit(() => tools.userChanged(userId))
    return true
  })
}

/** Lets a user sign in again; their keys count again. Announces `user.reactivated`. Whether anything changed. @throws problem `user.wrong_status` or what `holdUser` throws */
export async function reactivateUser(tools: Tools, ctx: Context, userId: string): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission })
    if (user.status === 'active') return false
    if (user.status !== 'disabled')
      throw administrationProblems.wrongStatus({ userId, status: user.status })
    await acting.db
      .updateTable('users')
      .set({ status: 'active', updatedAt: ctx.clock.now() })
      .where('id', '=', userId)
      .execute()
    await acting.actingFor(user.accountId).events.emit(userReactivated, { userId })
    ctx.afterCommit(() => tools.userChanged(userId))
    return true
  })
}
