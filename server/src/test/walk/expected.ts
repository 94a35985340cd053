import { isLent, matrix } from '#access/index.ts'
import type { Standing } from '#kernel/context.ts'
import { type AnyRoute, isPublic, takesImpersonators, takesKeys } from '#kernel/http/route.ts'
import type { Place, Walker } from './scene.ts'

/** What a closed door says; `open` when the request is let through to its schemas. */
export type Verdict =
  | 'open'
  | 'auth.unauthenticated'
  | 'account.not_found'
  | 'auth.key_not_allowed'
  | 'auth.not_as_another'
  | 'auth.forbidden'

/** The accounts above each. */
const ABOVE: Record<Place, readonly Place[]> = {
  parent: [],
  own: ['parent'],
  sibling: ['parent'],
  child: ['own', 'parent'],
}
/** Those that have accounts below them. */
const RESELLERS: readonly Place[] = ['parent', 'own']

interface Stance {
  standing: Standing
  roles: readonly string[]
}

/** What somebody is in an account, by the tree and the roles of the scene alone. */
export function stanceIn(walker: Walker, place: Place | 'unknown'): Stance | undefined {
  const { roles, platformRoles } = walker
  if (place === 'unknown') return undefined
  const leads = (one: Place) =>
    RESELLERS.includes(one) && (roles[one] === 'owner' || roles[one] === 'admin')
  const role = roles[place]
  if (role) {
    const reseller = leads(place) ? ['reseller-admin'] : []
    return { standing: 'own', roles: [...platformRoles, ...reseller, `account-${role}`] }
  }
  if (ABOVE[place].some(leads)) {
    return { standing: 'subtree', roles: [...platformRoles, 'reseller-admin'] }
  }
  return platformRoles.length > 0 ? { standing: 'all', roles: platformRoles } : undefined
}

/** What the route's declaration and the matrix say to this caller, who names this account. */
export function expected(route: AnyRoute, walker: Walker, place: Place | 'unknown'): Verdict {
  if (isPublic(route)) return 'open'
  if (!walker.authorization) return 'auth.unauthenticated'
  const stance = stanceIn(walker, place)
  if (!stance) return 'account.not_found'
  if (walker.scopes && !takesKeys(route)) return 'auth.key_not_allowed'
  if (walker.isImpersonator && !takesImpersonators(route)) return 'auth.not_as_another'
  const { access } = route
  return typeof access !== 'string' || may(walker, stance, access) ? 'open' : 'auth.forbidden'
}

function may(walker: Walker, { standing, roles }: Stance, permission: string): boolean {
  const grant = matrix[permission] ?? {}
  const holders: readonly string[] = [...(grant[standing] ?? []), ...(grant.all ?? [])]
  const held = roles.some((role) => holders.includes(role))
  const [noun] = permission.split('.')
  const scopes = walker.scopes
  const covered = !scopes || scopes.includes(permission) || scopes.includes(`${noun}.*`)
  return held && covered && (!walker.isImpersonator || isLent(permission))
}
