import type { Actor } from '#kernel/context.ts'
import type { Capability } from '#kernel/capability.ts'
import { covers } from './scopes.ts'

/** What one role is for, as people read it. */
interface RoleDescription {
  readonly scope: 'platform' | 'account'
  readonly summary: string
}

/**
 * Every role. A platform role is held over the whole installation, an account role within one account; their names differ, since an
 * actor carries both kinds in one list.
 */
export const roles = {
  'super-admin': { scope: 'platform', summary: 'Runs the installation; may do everything' },
  admin: { scope: 'platform', summary: 'Runs the installation from day to day' },
  support: { scope: 'platform', summary: 'Looks into problems; changes nothing' },
  'account-owner': { scope: 'account', summary: 'Owns the account and what is in it' },
  'account-admin': { scope: 'account', summary: 'Looks after the account and its members' },
  'account-member': { scope: 'account', summary: 'Works with what the account has' },
  'account-viewer': { scope: 'account', summary: 'Sees what the account has; changes nothing' },
} as const satisfies Record<string, RoleDescription>

export type Role = keyof typeof roles

const READERS = ['account-owner', 'account-admin', 'account-member', 'account-viewer'] as const
const WORKERS = ['account-owner', 'account-admin', 'account-member'] as const
const LEADERS = ['account-owner', 'account-admin'] as const
const OPERATORS = ['super-admin', 'admin'] as const
const ONLOOKERS = ['super-admin', 'admin', 'support'] as const

/** THE matrix: who holds which permission. Nothing else in the product decides this. */
export const matrix: Readonly<Record<string, readonly Role[]>> = {
  'sessions.read': ['super-admin', ...READERS],
  'sessions.write': ['super-admin', ...WORKERS],
  'keys.read': ['super-admin', ...READERS],
  'keys.write': ['super-admin', ...WORKERS],
  'keys.revoke': ['super-admin', ...LEADERS],
  'factors.require': ['super-admin', ...LEADERS],
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
  'mails.preview': ['super-admin'],
  'jobs.read': ONLOOKERS,
  'jobs.write': OPERATORS,
  'errors.read': ONLOOKERS,
  'recovery.run': OPERATORS,
  'audit.read': OPERATORS,
  'audit.export': OPERATORS,
  'audit.verify': OPERATORS,
}

const held = new Map<string, ReadonlySet<string>>(
  Object.keys(roles).map((role) => [role, new Set(permissionsOf(role as Role))]),
)

export function permissionsOf(role: Role): string[] {
  return Object.keys(matrix).filter((permission) => matrix[permission]!.includes(role))
}

/**
 * Whether the actor may: one of the roles holds the permission and, for a key, one of its scopes covers it too. The system itself may
 * do everything, an anonymous caller nothing.
 */
export function allows(actor: Actor, permission: string): boolean {
  switch (actor.kind) {
    case 'anonymous':
      return false
    case 'system':
      return true
    case 'user':
      return holds(actor.roles, permission)
    case 'key':
      return covers(actor.scopes, permission) && holds(actor.roles, permission)
  }
}

function holds(roles: readonly string[], permission: string): boolean {
  return roles.some((role) => held.get(role)?.has(permission) === true)
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
