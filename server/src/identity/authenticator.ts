import type { Role } from '#access/index.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { type AccessTokens, type Claims, isInTime } from './access-tokens.ts'
import { asAnother } from './impersonation/actor.ts'
import { standIn } from './accounts/standing.ts'
import { isFactorOwed, UNFINISHED } from './factors/owed.ts'
import { rolesOf } from './users.ts'

type UserActor = Actor & { kind: 'user' }

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

/** A header with a token, the account that comes with it, and the name of both in the lists below. */
interface Asked {
  readonly name: string
  readonly authorization: string
  readonly account: string | undefined
}

/** Tells who sent a request. Verified tokens are kept, since a signature costs more to verify than the rest of a small request. */
export class Authenticator {
  readonly #db: Db
  readonly #clock: Clock
  readonly #tokens: AccessTokens
  readonly #demandingRoles: () => readonly Role[]
  /** By the whole header and the account that was asked for; the entry that was looked up longest ago comes first. */
  readonly #known = new Map<string, Known>()
  readonly #pending = new Map<string, Promise<Actor>>()
  #revocations = 0

  constructor({ db, clock, tokens, demandingRoles }: Parts) {
    this.#db = db
    this.#clock = clock
    this.#tokens = tokens
    this.#demandingRoles = demandingRoles
  }

  /**
   * @param account the one to act for; the user's own unless given
   * @throws problem `auth.unauthenticated` for a header that holds no token that counts, `account.not_found` for an account of others
   */
  async authenticate(authorization: string | undefined, account?: string): Promise<Actor> {
    if (authorization === undefined) return ANONYMOUS
    const name = account === undefined ? authorization : `${authorization}\n${account}`
    const known = this.#known.get(name)
    if (known && this.#clock.monotonicMs() < known.freshUntilMs) {
      if (isInTime(known.claims, this.#nowSeconds())) return known.actor
    }
    return this.#lookUp({ name, authorization, account }, known)
  }

  /** The next request of this sign-in is looked up again. */
  forget(signInId: string): void {
    this.#forget(({ sid }) => sid === signInId)
  }

  /** The next request of this user, or of whoever acts as them, is looked up again. */
  forgetUser(userId: string): void {
    this.#forget(({ sub, act }) => sub === userId || act?.sub === userId)
  }

  #forget(ended: (claims: Claims) => boolean): void {
    this.#revocations++
    // Whoever asks from now on does not wait for an answer from before.
    this.#pending.clear()
    for (const [name, { claims }] of this.#known) {
      if (ended(claims)) this.#known.delete(name)
    }
  }

  forgetAll(): void {
    this.#revocations++
    this.#known.clear()
  }

  /** Requests that come together with one token share one look-up. */
  #lookUp(asked: Asked, known: Known | undefined): Promise<Actor> {
    const pending = this.#pending.get(asked.name)
    if (pending) return pending
    const lookUp = this.#check(asked, known).finally(() => {
      if (this.#pending.get(asked.name) === lookUp) this.#pending.delete(asked.name)
    })
    this.#pending.set(asked.name, lookUp)
    return lookUp
  }

  async #check({ name, authorization, account }: Asked, known: Known | undefined): Promise<Actor> {
    this.#known.delete(name)
    if (account !== undefined) return this.#checkElsewhere({ name, authorization, account })
    const claims = known?.claims ?? (await this.#verify(authorization))
    if (!claims || !isInTime(claims, this.#nowSeconds())) throw httpProblems.unauthenticated()
    const freshUntilMs = this.#clock.monotonicMs() + FRESH_MS
    const revocations = this.#revocations
    const actor = await findActor(this.#db, claims, this.#clock.now(), this.#demandingRoles())
    if (!actor) throw httpProblems.unauthenticated()
    // What was found may have ended since: not worth keeping then.
    if (revocations === this.#revocations) this.#keep(name, { claims, actor, freshUntilMs })
    return actor
  }

  /** Who it is is known as for their own account; what is found of the other one is kept as long as that, and no longer. */
  async #checkElsewhere({ name, authorization, account }: Asked): Promise<Actor> {
    const revocations = this.#revocations
    const own = await this.authenticate(authorization)
    const known = this.#known.get(authorization)
    if (own.kind !== 'user') throw httpProblems.unauthenticated()
    const actor = await standIn(this.#db, own, account, this.#demandingRoles())
    if (known && revocations === this.#revocations) this.#keep(name, { ...known, actor })
    return actor
  }

  async #verify(authorization: string): Promise<Claims | undefined> {
    const token = BEARER.exec(authorization)?.[1]
    return token === undefined ? undefined : this.#tokens.verifyOrLearn(token, this.#nowSeconds())
  }

  #keep(name: string, known: Known): void {
    this.#known.set(name, known)
    if (this.#known.size <= MAX_KNOWN) return
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest)
  }

  #nowSeconds(): number {
    return this.#clock.now().getTime() / 1000
  }
}

/** The user of a sign-in that is live, in their own account, when the token is of the user's present version. */
async function findActor(
  db: Db,
  claims: Claims,
  now: Date,
  demanding: readonly Role[],
): Promise<UserActor | undefined> {
  const row = await db
    .selectFrom('signIns')
    .innerJoin('users', 'users.id', 'signIns.userId')
    .innerJoin('accounts', 'accounts.id', 'users.accountId')
    .innerJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'users.accountId')
        .onRef('members.userId', '=', 'users.id'),
    )
    .select(['users.accountId', 'users.platformRoles', 'members.role', 'accounts.kind'])
    .select(['signIns.amr', 'signIns.impersonatedFrom', 'accounts.requireSecondFactor'])
    .where('signIns.id', '=', claims.sid)
    .where('signIns.userId', '=', claims.sub)
    .where('signIns.revokedAt', 'is', null)
    .where('signIns.idleExpiresAt', '>', now)
    .where('users.status', '=', 'active')
    .where('users.ver', '=', claims.ver)
    .executeTakeFirst()
  if (!row) return undefined
  const roles = rolesOf(row.platformRoles, row.role, row.kind)
  const { sub: userId, sid: signInId } = claims
  const actor = { kind: 'user', userId, accountId: row.accountId, roles, signInId } as const
  const { impersonatedFrom: lenderId, requireSecondFactor } = row
  if (lenderId) return asAnother(db, actor, { lenderId, requireSecondFactor, demanding, now })
  return isFactorOwed(row, roles, demanding) ? { ...actor, ...UNFINISHED } : actor
}
