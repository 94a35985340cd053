import type { Role } from '#access/index.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Providers } from './oauth/providers.ts'
import type { Attempts } from './attempts.ts'
import type { PasswordFailures } from './password-failures.ts'
import type { Passwords } from './password-check.ts'

/** What the services of this capability work with. Opened once for a process. */
export interface Tools {
  readonly keyring: Keyring
  readonly tokens: AccessTokens
  readonly passwords: Passwords
  readonly attempts: Attempts
  readonly failures: PasswordFailures
  /** Where people may sign in instead. */
  readonly providers: Providers
  /** Whether what lasts or reaches others needs a proven e-mail address. */
  readonly verifiedEmailDemanded: boolean
  readonly signUp: 'open' | 'invite' | 'closed'
  /** A sign-in that is not refreshed for so many days ends. */
  readonly signInIdleDays: number
  /** The roles whose holders must have a second factor now. */
  demandingRoles(): readonly Role[]
  /** @throws Problem for an address that nobody may sign in from */
  refuseSignIn(address: string): void
  /** Told of each sign-in that ends here, so that nothing cached outlives it. */
  revoked(signInId: string): void
  /** Told of each user whose accounts or roles changed here, so that nothing cached outlives the change. */
  userChanged(userId: string): void
  /** Told of each API key that was revoked or replaced here. */
  keyChanged(keyId: string): void
}
