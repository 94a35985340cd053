import { allows, grantablePlatformRoles, grantableRoles } from '#access/index.ts'
import type { Actor, Context } from '#kernel/context.ts'
import { findStance } from '../accounts/standing.ts'
import type { InvitationRow } from './tables.ts'

type Granted = Pick<InvitationRow, 'role' | 'platformRole'>

/** What the invitation gives that the actor may not give, in the account that they act for; nothing when they may give all of it. */
export function beyond(actor: Actor, { role, platformRole }: Granted): string | undefined {
  if (role && !grantableRoles(actor).includes(role)) return role
  if (platformRole && !grantablePlatformRoles(actor).includes(platformRole)) return platformRole
  return undefined
}

/** Whether whoever made the invitation could make it today. */
export async function isRightful(ctx: Context, invitation: InvitationRow): Promise<boolean> {
  const { accountId, invitedBy, role, platformRole } = invitation
  const inviter = await ctx.db
    .selectFrom('users')
    .select(['id', 'platformRoles'])
    .where('id', '=', invitedBy)
    .where('status', '=', 'active')
    .executeTakeFirst()
  if (!inviter) return false
  const { id: userId, platformRoles } = inviter
  const stance = accountId && (await findStance(ctx.db, { userId, platformRoles }, accountId))
  if (accountId && !stance) return false
  const actor: Actor = {
    ...{ kind: 'user', userId, signInId: '', accountId: accountId ?? '' },
    ...(stance || { roles: platformRoles, standing: 'all' }),
  }
  const needed = [role && 'invitations.write', platformRole && 'staff.write']
  const may = needed.every((permission) => !permission || allows(actor, permission))
  return may && beyond(actor, invitation) === undefined
}
