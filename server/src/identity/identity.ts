import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Actor, Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'
import type { RequestFacts } from '#kernel/http/route.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { Logger } from '#kernel/log.ts'
import type { ShownCredential } from '#kernel/socket-ticket.ts'
import { Problem } from '#kernel/problem.ts'
import type { Kms } from '#kernel/secrets/kms.ts'
import { AccessTokens } from './access-tokens.ts'
import { standIn } from './accounts/standing.ts'
import { Attempts } from './attempts.ts'
import { Authenticator } from './authenticator.ts'
import { createBootstrapLink, createSuperAdmin } from './bootstrap.ts'
import { demandingRoles, factorRoles } from './factors/requirement.ts'
import { accessCookie, checkSameSite, wasSignedIn } from './cookies.ts'
import { type KeyActor, KeyAuthenticator } from './keys/authenticator.ts'
import { keyIn } from './keys/format.ts'
import { PasswordFailures } from './password-failures.ts'
import { passwordPolicy } from './password-policy.ts'
import { Providers } from './oauth/providers.ts'
import { Passwords } from './password-check.ts'
import { PASSWORD_COST, type PasswordCost } from './passwords.ts'
import type { Person, User } from './schema.ts'
import { redeemTicket } from './socket-tickets/redeem.ts'
import { ServiceTokens } from './service-tokens.ts'
import { SigningKeys } from './signing/signing-keys.ts'
import type { Tools } from './tools.ts'

export interface IdentityOptions {
  db: Db
  clock: Clock
  log: Logger
  keyring: Keyring
  kms: Kms
  config: Pick<
    Config,
    | 'PUBLIC_URL'
    | 'HOST'
    | 'PORT'
    | 'TLS_CERT_FILE'
    | 'SIGN_UP'
    | 'REFRESH_TOKEN_EXPIRY'
    | 'KMS_SIGNING_KEY_ID'
    | 'AUTH_ATTEMPTS'
    | 'UNAUTHENTICATED_REQUESTS'
    | 'VERIFIED_EMAIL'
    | 'TRUSTED_PROXIES'
    | 'loopbackOnly'
  >
  /** What admins have set; the defaults unless given. */
  settings?: Context['settings']
  /** Whether anybody signs in from an address; from any unless given. @throws Problem */
  refuseSignIn?: (address: string) => void
  /** Where people may sign in instead, closed with this; nowhere unless given. */
  providers?: Providers
  /** Of new hashes; `PASSWORD_COST` unless given. */
  passwordCost?: PasswordCost
}

/** Who people are, in one process: what signs their tokens, checks their passwords and knows whom it saw lately. */
export class Identity implements AsyncDisposable {
  readonly tools: Tools
  readonly #authenticator: Authenticator
  readonly #keys: KeyAuthenticator
  readonly #db: Db
  readonly signingKeys: SigningKeys
  readonly #serviceTokens: ServiceTokens
  readonly #tokens: AccessTokens
  readonly #clock: Clock

  /**
   * Reads the token signing keys, and makes the first one.
   *
   * @throws Error when the sealing keys of this machine do not open them, or KmsFailure
   */
  static async open(options: IdentityOptions): Promise<Identity> {
    const { KMS_SIGNING_KEY_ID: kmsSigningKeyId } = options.config
    const source = { ...options, ...(kmsSigningKeyId && { kmsSigningKeyId }) }
    return new Identity(options, await SigningKeys.open(source))
  }

  private constructor(
    { db, clock, keyring, config, settings, ...more }: IdentityOptions,
    signingKeys: SigningKeys,
  ) {
    const { passwordCost = PASSWORD_COST, providers = new Providers() } = more
    this.#db = db
    this.#clock = clock
    this.signingKeys = signingKeys
    this.#serviceTokens = new ServiceTokens(clock, signingKeys)
    const tokens = new AccessTokens(issuerOf(config), signingKeys)
    const demanding = () =>
      demandingRoles(settings ? settings.get(factorRoles) : factorRoles.default, config)
    const authenticator = new Authenticator({ db, clock, tokens, demandingRoles: demanding })
    signingKeys.onDropped = () => authenticator.forgetAll()
    this.#authenticator = authenticator
    const keys = new KeyAuthenticator({
      ...{ db, clock, keyring },
      onGuess: (ip) => this.tools.attempts.takeStranger('no_credential', ip),
    })
    this.#keys = keys
    this.#tokens = tokens
    const { AUTH_ATTEMPTS: free, UNAUTHENTICATED_REQUESTS: unauthenticated } = config
    this.tools = {
      ...{ keyring, tokens, providers },
      attempts: new Attempts({
        ...{ db, clock, keyring },
        limits: { credentials: free, unauthenticated },
      }),
      failures: new PasswordFailures({ db, clock, keyring, free }),
      verifiedEmailDemanded: isProofDemanded(config),
      passwords: new Passwords(passwordCost, () => passwordPolicy(settings)),
      refuseSignIn: more.refuseSignIn ?? (() => {}),
      signUp: config.SIGN_UP,
      signInIdleDays: Number.parseInt(config.REFRESH_TOKEN_EXPIRY, 10),
      demandingRoles: demanding,
      revoked: (signInId) => authenticator.forget(signInId),
      keyChanged: (keyId) => keys.forget(keyId),
      userChanged: (userId) => {
        authenticator.forgetUser(userId)
        keys.forgetUser(userId)
      },
    }
  }

  /**
   * The actor behind an Authorization header, which holds an access token or an API key; anonymous without one. Addresses that show
   * made-up ones are counted.
   *
   * @param ip where the request comes from; keys may be bound to addresses
   * @param account what the request names as the account to act for; the caller's own unless given
   * @throws problem `auth.unauthenticated` for a token that does not count, `account.not_found` for an account that is not there for
   * the caller, `auth.too_many_attempts`, or what `authenticateKey` throws
   */
  async authenticate(
    authorization: string | undefined,
    ip: string,
    account?: unknown,
  ): Promise<Actor> {
    const key = keyIn(authorization)
    if (key !== undefined) {
      return this.authenticateKey(key, ip, account)
    }
    const asked = this.#authenticator.authenticate(authorization, accountNamed(account))
    // A token of ours that has ended is no guess: many clients at one address find out so that they have to refresh.
    return asked.catch((error: unknown) =>
      this.#tokens.issued(authorization) ? Promise.reject(error) : this.#refuse(error, ip),
    )
  }

  /**
   * The actor of an HTTP request: by its Authorization header or, without one, by the cookies of a page of this server. Addresses that
   * show no credential of ours, or made-up ones, are counted.
   *
   * @throws problem `auth.too_many_attempts`, `auth.cross_site_request`, or what `authenticate` throws
   */
  async identify(request: RequestFacts, publicUrl: string, account?: unknown): Promise<Actor> {
    const { authorization } = request.headers
    const cookie = authorization === undefined ? accessCookie(request) : undefined
    const shown = cookie ? `Bearer ${cookie}` : authorization
    const actor = await this.authenticate(shown, request.ip, account)
    // A page finds out the same way: browsers drop the cookie of an access token that has ended.
    if (actor.kind === 'anonymous' && !wasSignedIn(this.tools, request)) {
      await this.tools.attempts.takeStranger('no_credential', request.ip)
    }
    if (cookie === undefined) return actor
    // A key is for programs: none is taken from a cookie.
    if (actor.kind !== 'user') throw httpProblems.unauthenticated()
    checkSameSite(this.tools, request, publicUrl, actor.signInId)
    return actor
  }

  /**
   * The actor behind an API key. Cheap enough to ask again every few seconds for as long as a connection lives. Addresses that show made-up ones are counted, but for mistyped ones.
   *
   * @throws problem `auth.key_invalid`, `auth.key_ended`, `auth.key_wrong_address`, `account.not_found` or `auth.too_many_attempts`
   */
  async authenticateKey(key: string, ip: string, account?: unknown): Promise<KeyActor> {
    const actor = await this.#keys.authenticate(key, ip)
    return account === undefined ? actor : standIn(this.#db, actor, account, [])
  }

  /**
   * What the maker of a ticket has shown, for the socket at this path; it is used up with that. Addresses that show made-up ones are
   * counted.
   *
   * @throws problem `auth.ticket_invalid` or `auth.too_many_attempts`
   */
  async redeemTicket(ticket: string, path: string, ip: string): Promise<ShownCredential> {
    return redeemTicket({ db: this.#db, clock: this.#clock }, ticket, path, () =>
      this.tools.attempts.takeStranger('no_credential', ip),
    )
  }

  /** Counts what was shown as a guess, and refuses it. */
  async #refuse(error: unknown, ip: string): Promise<never> {
    if (error instanceof Problem && error.status === 401) {
      await this.tools.attempts.takeStranger('no_credential', ip)
    }
    throw error
  }

  /** A token of 60 s for a call of this part of the product to another, about one thing. `publicKeys` tell whether it counts. */
  serviceToken(audience: string, subject: string): Promise<string> {
    return this.#serviceTokens.issue(audience, subject)
  }

  /** @see createBootstrapLink */
  createBootstrapLink(ctx: Context, publicUrl: string): Promise<string | undefined> {
    return createBootstrapLink(ctx, publicUrl)
  }

  /** @see createSuperAdmin */
  createSuperAdmin(ctx: Context, input: Person): Promise<User> {
    return createSuperAdmin(this.tools, ctx, input)
  }

  /** Forgets every token and key that it has seen. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.tools.providers[Symbol.asyncDispose]()
    await this.signingKeys[Symbol.asyncDispose]()
    this.#authenticator.forgetAll()
    await this.#keys[Symbol.asyncDispose]()
  }
}

/** As it came, cut to a length that nothing real has. Whatever is no account's id is found to be none. */
function accountNamed(account: unknown): string | undefined {
  if (account === undefined) return undefined
  return typeof account === 'string' ? account.slice(0, 64) : ''
}

/** Where only people at this machine can register, they need not prove their address to it. */
function isProofDemanded({
  VERIFIED_EMAIL,
  PUBLIC_URL,
  TRUSTED_PROXIES,
  loopbackOnly,
}: IdentityOptions['config']): boolean {
  if (VERIFIED_EMAIL !== 'auto') return VERIFIED_EMAIL === 'required'
  return !loopbackOnly || PUBLIC_URL !== undefined || TRUSTED_PROXIES.length > 0
}

/** The same for all processes of an installation, whatever port they were given. */
function issuerOf({ PUBLIC_URL, HOST, PORT, TLS_CERT_FILE }: IdentityOptions['config']): string {
  return PUBLIC_URL ?? `${TLS_CERT_FILE ? 'https' : 'http'}://${HOST}:${PORT}`
}
