import type { Role } from '#access/index.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { type AccessTokens, type Claims, isInTime } from './access-tokens.ts'
import { rolesOf } from './users.ts'

const ANONYMOUS: Actor = { kind: 'anonymous' }
const BEARER = /^Bearer +(\S+)$/i
/** Sign-ins and users are looked up again after this; what ends elsewhere counts here within 5 s. */
const FRESH_MS = 4_000
/** About 1 KiB each. */
const MAX_KNOWN = 5_000

/** A token that was verified, and what was found behind it. */
interface Known {
  readonly claims: Claims
  readonly actor: Actor
  readonly freshUntilMs: number
}

interface Parts {
  db: Db
  clock: Clock
  tokens: AccessTokens
  /** Whose holders must have proved a second factor. */
  demandingRoles: () => readonly Role[]
}

/** Tells who sent a request. Verified tokens are kept, since a signature costs more to verify than the rest of a small request. */
export class Authenticator {
  readonly #db: Db
  readonly #clock: Clock
  readonly #tokens: AccessTokens
  readonly #demandingRoles: () => readonly Role[]
  /** By the whole header; the entry that was looked up longest ago comes first. */
  readonly #known = new Map<string, Known>()
  readonly #pending = new Map<string, Promise<Actor>>()
  #revocations = 0

  constructor({ db, clock, tokens, demandingRoles }: Parts) {
    this.#db = db
    this.#clock = clock
    this.#tokens = tokens
    this.#demandingRoles = demandingRoles
  }

  /** @throws problem `auth.unauthenticated` for a header that holds no token that counts */
  async authenticate(authorization: string | undefined): Promise<Actor> {
    if (authorization === undefined) return ANONYMOUS
    const known = this.#known.get(authorization)
    if (known && this.#clock.monotonicMs() < known.freshUntilMs) {
      if (isInTime(known.claims, this.#nowSeconds())) return known.actor
    }
    return this.#lookUp(authorization, known)
  }

  /** The next request of this sign-in is looked up again. */
  forget(signInId: string): void {
    this.#revocations++
    for (const [authorization, { claims }] of this.#known) {
      if (claims.sid === signInId) this.#known.delete(authorization)
    }
  }

  forgetAll(): void {
    this.#revocations++
    this.#known.clear()
  }

  /** Requests that come together with one token share one look-up. */
  #lookUp(authorization: string, known: Known | undefined): Promise<Actor> {
    const pending = this.#pending.get(authorization)
    if (pending) return pending
    const lookUp = this.#check(authorization, known).finally(() => {
      this.#pending.delete(authorization)
    })
    this.#pending.set(authorization, lookUp)
    return lookUp
  }

  async #check(authorization: string, known: Known | undefined): Promise<Actor> {
    this.#known.delete(authorization)
    const claims = known?.claims ?? (await this.#verify(authorization))
    if (!claims || !isInTime(claims, this.#nowSeconds())) throw httpProblems.unauthenticated()
    const freshUntilMs = this.#clock.monotonicMs() + FRESH_MS
    const revocations = this.#revocations
    const actor = await findActor(this.#db, claims, this.#clock.now(), this.#demandingRoles())
    if (!actor) throw httpProblems.unauthenticated()
    // What was found may have ended since: not worth keeping then.
    if (revocations === this.#revocations)
      this.#keep(authorization, { claims, actor, freshUntilMs })
    return actor
  }

  async #verify(authorization: string): Promise<Claims | undefined> {
    const token = BEARER.exec(authorization)?.[1]
    return token === undefined ? undefined : this.#tokens.verifyOrLearn(token, this.#nowSeconds())
  }

  #keep(authorization: string, known: Known): void {
    this.#known.set(authorization, known)
    if (this.#known.size <= MAX_KNOWN) return
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest)
  }

  #nowSeconds(): number {
    return this.#clock.now().getTime() / 1000
  }
}

/** The user of a sign-in that is live, when the token is of the user's present version. */
async function findActor(
  db: Db,
  claims: Claims,
  now: Date,
  demanding: readonly Role[],
): Promise<Actor | undefined> {
  const row = await db
    .selectFrom('signIns')
    .innerJoin('users', 'users.id', 'signIns.userId')
    .innerJoin('accounts', 'accounts.id', 'users.accountId')
    .innerJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'users.accountId')
        .onRef('members.userId', '=', 'users.id'),
    )
    .select(['users.accountId', 'users.platformRoles', 'members.role'])
    .select(['signIns.amr', 'accounts.requireSecondFactor'])
    .where('signIns.id', '=', claims.sid)
    .where('signIns.userId', '=', claims.sub)
    .where('signIns.revokedAt', 'is', null)
    .where('signIns.idleExpiresAt', '>', now)
    .where('users.status', '=', 'active')
    .where('users.ver', '=', claims.ver)
    .executeTakeFirst()
  if (!row) return undefined
  const roles = rolesOf(row.platformRoles, row.role)
  const { sub: userId, sid: signInId } = claims
  const actor = { kind: 'user', userId, accountId: row.accountId, signInId } as const
  const demanded = row.requireSecondFactor || roles.some((role) => demanding.includes(role))
  // Without a role it may do nothing, wherever it comes in.
  if (demanded && !row.amr.includes('mfa')) return { ...actor, roles: [], unfinished: true }
  return { ...actor, roles }
}
