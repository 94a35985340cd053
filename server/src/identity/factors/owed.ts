import type { Role } from '#access/index.ts'

/** Whether a sign-in with these proofs owes a second factor in an account, for what the account or one of the roles held there demands. */
export function isFactorOwed(
  { amr, requireSecondFactor }: { amr: readonly string[]; requireSecondFactor: boolean },
  roles: readonly Role[],
  demanding: readonly Role[],
): boolean {
  if (amr.includes('mfa')) return false
  return requireSecondFactor || roles.some((role) => demanding.includes(role))
}

/** Of an actor who owes one: without a role it may do nothing, wherever it comes in. */
export const UNFINISHED = { roles: [], unfinished: true } as const
