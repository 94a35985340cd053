import { me } from '../shared/me.js'

export const ROLES = ['viewer', 'member', 'admin', 'owner']
const RULERS = new Set(['super-admin', 'admin', 'reseller-admin'])

/** The roles that the person may give and take in an account: up to their own, and all of them from above. The server decides. */
export function rolesUpTo(role) {
  if (me().roles.some((one) => RULERS.has(one))) return ROLES
  return ROLES.slice(0, ROLES.indexOf(role) + 1)
}
