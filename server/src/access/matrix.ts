import type { Actor, Standing } from '#kernel/context.ts'
import type { Capability } from '#kernel/capability.ts'
import { type Role, roles } from './roles.ts'
import { covers } from './scopes.ts'

/** Who holds a permission, by how they stand to the account: in their own, in those below theirs, or in all there are. */
export type Grant = Readonly<Partial<Record<Standing, readonly Role[]>>>

const READERS = ['account-owner', 'account-admin', 'account-member', 'account-viewer'] as const
const WORKERS = ['account-owner', 'account-admin', 'account-member'] as const
const LEADERS = ['account-owner', 'account-admin'] as const
const RESELLERS = ['reseller-admin'] as const
const OPERATORS = { all: ['super-admin', 'admin'] } as const
const ONLOOKERS = { all: ['super-admin', 'admin', 'support'] } as const

/** THE matrix: who holds which permission, and over what. Nothing else in the product decides this. */
export const matrix: Readonly<Record<string, Grant>> = {
  'accounts.read': { own: READERS, subtree: RESELLERS, ...ONLOOKERS },
  'accounts.write': { own: LEADERS, subtree: RESELLERS, ...OPERATORS },
  'accounts.create': { own: RESELLERS, subtree: RESELLERS, ...OPERATORS },
  'accounts.move': { subtree: RESELLERS, ...OPERATORS },
  'accounts.manage': OPERATORS,
  'accounts.delete': { own: ['account-owner'], subtree: RESELLERS, ...OPERATORS },
  'accounts.transfer': { own: ['account-owner'], subtree: RESELLERS, ...OPERATORS },
  'members.read': { own: READERS, subtree: RESELLERS, ...ONLOOKERS },
  'members.write': { own: LEADERS, subtree: RESELLERS, ...OPERATORS },
  'invitations.read': { own: LEADERS, subtree: RESELLERS, ...ONLOOKERS },
  'invitations.write': { own: LEADERS, subtree: RESELLERS, ...OPERATORS },
  'staff.read': ONLOOKERS,
  'staff.write': OPERATORS,
  'users.read': { own: RESELLERS, subtree: RESELLERS, ...ONLOOKERS },
  'users.write': { own: RESELLERS, subtree: RESELLERS, ...OPERATORS },
  'users.create': OPERATORS,
  'users.delete': { own: RESELLERS, subtree: RESELLERS, ...OPERATORS },
  'users.secure': OPERATORS,
  'users.tier': OPERATORS,
  'users.impersonate': ONLOOKERS,
  'sessions.read': { own: ['super-admin', ...READERS] },
  'sessions.write': { own: ['super-admin', ...WORKERS] },
  'tunnels.read': { own: ['super-admin', ...READERS] },
  'tunnels.write': { own: ['super-admin', ...WORKERS] },
  'moderation.read': ONLOOKERS,
  'moderation.write': OPERATORS,
  'relays.read': ONLOOKERS,
  'relays.write': OPERATORS,
  'usage.read': { own: ['super-admin', ...READERS], subtree: RESELLERS, ...ONLOOKERS },
  'usage.report': OPERATORS,
  'keys.read': { own: ['super-admin', ...READERS] },
  'keys.write': { own: ['super-admin', ...WORKERS] },
  'keys.revoke': { own: ['super-admin', ...LEADERS] },
  'factors.require': { own: ['super-admin', ...LEADERS] },
  'signing.read': ONLOOKERS,
  'signing.rotate': OPERATORS,
  'secrets.read': ONLOOKERS,
  'secrets.rotate': OPERATORS,
  'fleet.read': ONLOOKERS,
  'fleet.write': OPERATORS,
  'settings.read': ONLOOKERS,
  'settings.write': OPERATORS,
  'mails.read': ONLOOKERS,
  'mails.write': OPERATORS,
  'mails.preview': { all: ['super-admin'] },
  'jobs.read': ONLOOKERS,
  'jobs.write': OPERATORS,
  'errors.read': ONLOOKERS,
  'recovery.run': OPERATORS,
  'addresses.read': ONLOOKERS,
  'addresses.write': OPERATORS,
  'alerts.read': ONLOOKERS,
  'alerts.write': OPERATORS,
  'audit.read': OPERATORS,
  'audit.export': OPERATORS,
  'audit.verify': OPERATORS,
}

/** What somebody who acts as another may do in that name, if the other may: everything else stays with the person. */
const LENT: ReadonlySet<string> = new Set([
  ...['accounts.read', 'members.read', 'invitations.read', 'keys.read'],
  ...['sessions.read', 'sessions.write', 'tunnels.read', 'usage.read'],
])

/** By role and permission: where. */
const held = new Map<string, ReadonlyMap<string, readonly Standing[]>>(
  Object.keys(roles).map((role) => [
    role,
    new Map(permissionsOf(role as Role).map((one) => [one, standingsOf(role as Role, one)])),
  ]),
)

export function permissionsOf(role: Role): string[] {
  return Object.keys(matrix).filter((permission) => standingsOf(role, permission).length > 0)
}

/** Where the role holds the permission; nowhere when it does not. */
export function standingsOf(role: Role, permission: string): Standing[] {
  const grant = matrix[permission] ?? {}
  return (['own', 'subtree', 'all'] as const).filter((standing) => grant[standing]?.includes(role))
}

/** Whether only roles over the installation hold it: what asks for it is the part of the API that runs the installation. */
export function isForStaff(permission: string): boolean {
  const { own, subtree } = matrix[permission] ?? {}
  return permission in matrix && !own && !subtree
}

/** Whether somebody who acts as another may use this permission of theirs. */
export function isLent(permission: string): boolean {
  return LENT.has(permission)
}

/**
 * Whether the actor may, in the account that they act for: one of the roles holds the permission there and, for a key, one of its
 * scopes covers it too. The system itself may do everything, an anonymous caller nothing.
 */
export function allows(actor: Actor, permission: string): boolean {
  switch (actor.kind) {
    case 'anonymous':
      return false
    case 'system':
      return true
    case 'user':
      if (actor.impersonatedBy !== undefined && !isLent(permission)) return false
      return holds(actor, permission)
    case 'key':
      return covers(actor.scopes, permission) && holds(actor, permission)
  }
}

/** Whether the actor may in every account, by a role over the installation. */
export function allowsAnywhere(actor: Actor, permission: string): boolean {
  return allows('roles' in actor ? { ...actor, standing: 'all' } : actor, permission)
}

function holds(
  { roles, standing = 'own' }: Extract<Actor, { roles: unknown }>,
  permission: string,
): boolean {
  return roles.some((role) => {
    const where = held.get(role)?.get(permission)
    return where !== undefined && (where.includes(standing) || where.includes('all'))
  })
}

/** Every permission that the scope of a key stands for; none for a scope that does not exist or that no key may have. */
export function permissionsIn(scope: string): string[] {
  return Object.keys(matrix).filter((permission) => covers([scope], permission))
}

/** @throws Error that names each permission that the manifests and the matrix do not both have. */
export function checkMatrix(capabilities: readonly Capability[]): void {
  const defined = capabilities.flatMap((one) => Object.keys(one.permissions ?? {}))
  const granted = Object.keys(matrix)
  const complaints = [
    ...without(defined, granted).map((name) => `'${name}' is defined but no row grants it`),
    ...without(granted, defined).map((name) => `'${name}' is granted but not defined`),
  ]
  if (complaints.length > 0) throw new Error(`permission matrix: ${complaints.join('; ')}`)
}

function without(names: string[], others: string[]): string[] {
  return names.filter((name) => !others.includes(name))
}
