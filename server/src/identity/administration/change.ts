import type { Context } from '#kernel/context.ts'
import { refuseChanged } from '../profile.ts'
import type { Tools } from '../tools.ts'
import { userChanged } from './events.ts'
import { holdUser } from './reach.ts'
import type { AdminUserChange, AdminUserDetails } from './schema.ts'
import { showUser } from './show.ts'

/**
 * Changes the name of a user; announces `user.changed`, with what it was, if it differs. Of what was read along, `devices` and
 * `lockedUntil` may have moved meanwhile.
 *
 * @throws problem `request.invalid` that names each read-only member with another value than the user has, or what `holdUser` throws
 */
export async function changeUser(
  tools: Tools,
  ctx: Context,
  userId: string,
  { devices: _devices, lockedUntil: _locked, firstName, lastName, ...readOnly }: AdminUserChange,
): Promise<AdminUserDetails> {
  return ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission: 'users.write', self: true })
    refuseChanged(readOnly, await showUser(tools, acting, userId))
    const wanted = {
      firstName: firstName === undefined ? user.firstName : firstName,
      lastName: lastName === undefined ? user.lastName : lastName,
    }
    const changed = (['firstName', 'lastName'] as const).filter((one) => wanted[one] !== user[one])
    if (changed.length > 0) {
      await acting.db
        .updateTable('users')
        .set({ ...wanted, updatedAt: ctx.clock.now() })
        .where('id', '=', userId)
        .execute()
      await acting.actingFor(user.accountId).events.emit(userChanged, {
        ...{ userId, changed, ...wanted },
        ...{ firstNameBefore: user.firstName, lastNameBefore: user.lastName },
      })
    }
    return showUser(tools, acting, userId)
  })
}
