import type { Context } from '#kernel/context.ts'
import { holdTree } from '../accounts/hold.ts'
import { holdSuperAdmins } from '../bootstrap.ts'
import { restoreUser } from '../leaving/restore.ts'
import { scheduleDeletion } from '../leaving/schedule.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { holdUser } from './reach.ts'

const permission = 'users.delete'

/** As `removeUser`, for whoever has just proved who they are. @throws problem `auth.step_up_required` or what `removeUser` throws */
export async function deleteUser(tools: Tools, ctx: Context, userId: string): Promise<Date> {
  await requireStepUp(ctx)
  return removeUser(tools, ctx, userId)
}

/** Has a user deleted after the days of grace; returns until when they can be restored. @throws what `holdUser` and `scheduleDeletion` throw */
export async function removeUser(tools: Tools, ctx: Context, userId: string): Promise<Date> {
  return ctx.transaction(async (ctx) => {
    // In the order in which the deletion takes them, so that two never wait for each other.
    await holdTree(ctx.db)
    await holdSuperAdmins(ctx.db)
    const { acting } = await holdUser(ctx, userId, { permission })
    return scheduleDeletion(tools, acting, userId)
  })
}

/** Takes back the deletion of a user in the days of grace. @throws problem `user.not_leaving` or what `holdUser` throws */
export async function restoreSeen(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const { acting } = await holdUser(ctx, userId, { permission })
    await restoreUser(tools, acting, userId)
  })
}
