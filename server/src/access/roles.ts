/** What one role is for, as people read it. */
interface RoleDescription {
  readonly scope: 'platform' | 'reseller' | 'account'
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
  'reseller-admin': {
    scope: 'reseller',
    summary: 'Owner or admin of a reseller account: looks after the accounts below it',
  },
  'account-owner': { scope: 'account', summary: 'Owns the account and what is in it' },
  'account-admin': { scope: 'account', summary: 'Looks after the account and its members' },
  'account-member': { scope: 'account', summary: 'Works with what the account has' },
  'account-viewer': { scope: 'account', summary: 'Sees what the account has; changes nothing' },
} as const satisfies Record<string, RoleDescription>

export type Role = keyof typeof roles

/** Lowest first. Nobody grants a role above their own, and nobody acts as somebody of their own rank or above. */
export const PLATFORM_RANKS = ['support', 'admin', 'super-admin'] as const
export const ACCOUNT_RANKS = ['viewer', 'member', 'admin', 'owner'] as const

export type PlatformRole = (typeof PLATFORM_RANKS)[number]
export type AccountRole = (typeof ACCOUNT_RANKS)[number]
