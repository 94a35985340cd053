import { allows, platformRank, type PlatformRole } from '#access/index.ts'
import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { platformRolesOf } from '../accounts/standing.ts'

type UserActor = Actor & { kind: 'user' }

/**
 * The user as somebody of the staff acts as them: without the user's platform roles, and for as long as the staff's own sign-in is
 * live and may still do so.
 */
export async function asAnother(
  db: Db,
  actor: UserActor,
  lenderId: string,
  now: Date,
): Promise<UserActor | undefined> {
  const staff = await db
    .selectFrom('signIns')
    .innerJoin('users', 'users.id', 'signIns.userId')
    .select(['users.id', 'users.platformRoles'])
    .where('signIns.id', '=', lenderId)
    .where('signIns.revokedAt', 'is', null)
    .where('signIns.idleExpiresAt', '>', now)
    .where('users.status', '=', 'active')
    .executeTakeFirst()
  const their = platformRolesOf(actor)
  if (!staff || !mayActAs(staff.platformRoles, their)) return undefined
  const roles = actor.roles.filter((role) => !(their as readonly string[]).includes(role))
  return { ...actor, roles, impersonatedBy: staff.id }
}

/** Whether staff with these roles may act as a user with those: one who ranks below them. */
export function mayActAs(staff: readonly PlatformRole[], user: readonly PlatformRole[]): boolean {
  const ids = { userId: '', accountId: '', signInId: '' }
  const actor: Actor = { kind: 'user', ...ids, roles: staff, standing: 'all' }
  return allows(actor, 'users.impersonate') && platformRank(user) < platformRank(staff)
}
