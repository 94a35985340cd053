import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Actor, Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'
import { AccessTokens } from './access-tokens.ts'
import { Authenticator } from './authenticator.ts'
import { createBootstrapLink, createSuperAdmin } from './bootstrap.ts'
import { Passwords } from './password-check.ts'
import { PASSWORD_COST, type PasswordCost } from './passwords.ts'
import type { Register, User } from './schema.ts'
import { loadSigningKeys } from './signing-keys.ts'
import type { Tools } from './tools.ts'

export interface IdentityOptions {
  db: Db
  clock: Clock
  keyring: Keyring
  config: Pick<
    Config,
    'PUBLIC_URL' | 'HOST' | 'PORT' | 'TLS_CERT_FILE' | 'SIGN_UP' | 'REFRESH_TOKEN_EXPIRY'
  >
  /** Of new hashes; `PASSWORD_COST` unless given. */
  passwordCost?: PasswordCost
}

/** Who people are, in one process: what signs their tokens, checks their passwords and knows whom it saw lately. */
export class Identity implements AsyncDisposable {
  readonly tools: Tools
  readonly #authenticator: Authenticator

  /**
   * Reads the token signing keys, and makes the first one.
   *
   * @throws Error when the master key of this machine does not open them
   */
  static async open(options: IdentityOptions): Promise<Identity> {
    const { db, clock, keyring, config } = options
    const keys = await loadSigningKeys(db, clock, keyring)
    return new Identity(options, new AccessTokens(issuerOf(config), keys))
  }

  private constructor(
    { db, clock, keyring, config, passwordCost = PASSWORD_COST }: IdentityOptions,
    tokens: AccessTokens,
  ) {
    const authenticator = new Authenticator({ db, clock, tokens })
    this.#authenticator = authenticator
    this.tools = {
      ...{ keyring, tokens },
      passwords: new Passwords(passwordCost),
      signUp: config.SIGN_UP,
      signInIdleDays: Number.parseInt(config.REFRESH_TOKEN_EXPIRY, 10),
      revoked: (signInId) => authenticator.forget(signInId),
    }
  }

  /** The actor behind an Authorization header; anonymous without one. @throws problem `auth.unauthenticated` for one that does not count */
  authenticate(authorization: string | undefined): Promise<Actor> {
    return this.#authenticator.authenticate(authorization)
  }

  /** @see createBootstrapLink */
  createBootstrapLink(ctx: Context, publicUrl: string): Promise<string | undefined> {
    return createBootstrapLink(ctx, publicUrl)
  }

  /** @see createSuperAdmin */
  createSuperAdmin(ctx: Context, input: Register): Promise<User> {
    return createSuperAdmin(this.tools, ctx, input)
  }

  /** Forgets every token that it has seen. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#authenticator.forgetAll()
  }
}

/** The same for all processes of an installation, whatever port they were given. */
function issuerOf({ PUBLIC_URL, HOST, PORT, TLS_CERT_FILE }: IdentityOptions['config']): string {
  return PUBLIC_URL ?? `${TLS_CERT_FILE ? 'https' : 'http'}://${HOST}:${PORT}`
}
