import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { changeUser } from './administration/change.ts'
import { deleteUser } from './administration/remove.ts'
import { AdminUser } from './administration/schema.ts'
import { getSeen } from './administration/show.ts'
import { leave } from './leaving/routes.ts'
import { changeMe, getMe } from './profile.ts'
import { ProfileChange, User } from './schema.ts'
import { seenUser } from './seen-user.ts'
import type { Tools } from './tools.ts'

/** The whole of it for the person, for others without what is the person's own affair. */
export const SeenUser = z.union([User, AdminUser])
export type SeenUser = z.output<typeof SeenUser>

const { status, secondFactor } = AdminUser.shape

/** As of oneself; what others are told more than the person may come along unchanged, too. */
export const SeenUserChange = ProfileChange.extend({
  status: status.optional(),
  secondFactor: secondFactor.optional(),
}).meta({ id: 'SeenUserChange' })
export type SeenUserChange = z.output<typeof SeenUserChange>

/** @throws problem `user.not_found` */
export async function getUser(ctx: Context, id: string): Promise<SeenUser> {
  const { isMe, acting, userId } = await seenUser(ctx, id)
  return isMe ? getMe(ctx) : getSeen(acting, userId)
}

/** @throws problem `user.not_found`, or what `changeMe` or `changeUser` throw */
export async function changeUserById(
  tools: Tools,
  ctx: Context,
  id: string,
  change: SeenUserChange,
): Promise<SeenUser> {
  const { isMe, acting, userId } = await seenUser(ctx, id)
  if (isMe) return changeMe(ctx, change)
  // Settings are a member that others do not see, so it is refused as one that was changed.
  await changeUser(tools, acting, userId, change)
  return getSeen(acting, userId)
}

/** @throws problem `user.not_found`, or what `leave` or `deleteUser` throw */
export async function deleteUserById(tools: Tools, ctx: Context, id: string) {
  const { isMe, acting, userId } = await seenUser(ctx, id)
  if (isMe) return leave(tools, ctx)
  const until = await deleteUser(tools, acting, userId)
  return { restoreUntil: until.toISOString() }
}
