import type { Actor } from '#kernel/context.ts'
import { ACCOUNT_RANKS, type AccountRole, PLATFORM_RANKS, type PlatformRole } from './roles.ts'

const OPERATOR = PLATFORM_RANKS.indexOf('admin') + 1

/** The account roles that the actor may give or take in the account they act for: up to their own, and all of them from above. */
export function grantableRoles(actor: Actor): AccountRole[] {
  if (actor.kind === 'system') return [...ACCOUNT_RANKS]
  if (!('roles' in actor)) return []
  if ((actor.standing ?? 'own') !== 'own') return [...ACCOUNT_RANKS]
  // Whoever may in every account may in their own, too.
  if (platformRank(actor.roles) >= OPERATOR) return [...ACCOUNT_RANKS]
  const own = ACCOUNT_RANKS.findIndex((role) => actor.roles.includes(`account-${role}`))
  return ACCOUNT_RANKS.slice(0, own + 1)
}

/** The platform roles that the actor may give or take: up to their own. */
export function grantablePlatformRoles(actor: Actor): PlatformRole[] {
  if (actor.kind === 'system') return [...PLATFORM_RANKS]
  return 'roles' in actor ? PLATFORM_RANKS.slice(0, platformRank(actor.roles)) : []
}

/** 0 for somebody without a platform role, else the place of the highest one, from 1. */
export function platformRank(roles: readonly string[]): number {
  return Math.max(0, ...PLATFORM_RANKS.map((role, rank) => (roles.includes(role) ? rank + 1 : 0)))
}
