import { allows, platformRank, type PlatformRole, type Role } from '#access/index.ts'
import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { platformRolesOf } from '../accounts/standing.ts'
import { isFactorOwed, UNFINISHED } from '../factors/owed.ts'

type UserActor = Actor & { kind: 'user' }

interface Lent {
  /** The sign-in of the staff. */
  lenderId: string
  requireSecondFactor: boolean
  /** Roles that demand a second factor. */
  demanding: readonly Role[]
  now: Date
}

/**
 * The user as somebody of the staff acts as them: without the user's platform roles, and for as long as the staff's own sign-in is
 * live and may still do so. A second factor that the user's account or a role demands is owed by the staff: they may do nothing
 * without it.
 */
export async function asAnother(
  db: Db,
  actor: Omit<UserActor, 'roles'> & { roles: readonly Role[] },
  { lenderId, requireSecondFactor, demanding, now }: Lent,
): Promise<UserActor | undefined> {
  const staff = await db
    .selectFrom('signIns')
    .innerJoin('users', 'users.id', 'signIns.userId')
    .select(['users.id', 'users.platformRoles', 'signIns.amr'])
    .where('signIns.id', '=', lenderId)
    .where('signIns.revokedAt', 'is', null)
    .where('signIns.idleExpiresAt', '>', now)
    .where('users.status', '=', 'active')
    .executeTakeFirst()
  const their = platformRolesOf(actor)
  if (!staff || !mayActAs(staff.platformRoles, their)) return undefined
  const roles = actor.roles.filter((role) => !(their as readonly string[]).includes(role))
  const lent = { ...actor, roles, impersonatedBy: staff.id }
  const demand = { amr: staff.amr, requireSecondFactor }
  const owes = isFactorOwed(demand, [...staff.platformRoles, ...roles], demanding)
  return owes ? { ...lent, ...UNFINISHED } : lent
}

/** Whether staff with these roles may act as a user with those: one who ranks below them. */
export function mayActAs(staff: readonly PlatformRole[], user: readonly PlatformRole[]): boolean {
  const ids = { userId: '', accountId: '', signInId: '' }
  const actor: Actor = { kind: 'user', ...ids, roles: staff, standing: 'all' }
  return allows(actor, 'users.impersonate') && platformRank(user) < platformRank(staff)
}
