import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { FleetParts } from './parts.ts'

/**
 * Whose machines the caller sees: those that are assigned to this user, or all of them when there is none.
 *
 * @throws problem `auth.forbidden`
 */
export function onlyOf(
  { actor }: Context,
  { allows }: Pick<FleetParts, 'allows'>,
): string | undefined {
  if (allows(actor, 'fleet.read')) return undefined
  if (allows(actor, 'sessions.read') && 'userId' in actor) return actor.userId
  throw httpProblems.forbidden({ permission: 'fleet.read' })
}
