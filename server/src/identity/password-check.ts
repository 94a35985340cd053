import { Turns, TurnsFull } from '#kernel/turns.ts'
import { type PasswordPolicy, passwordPolicy } from './password-policy.ts'
import { weaknesses, type Person } from './password-strength.ts'
import { shortFault } from './password-text.ts'
import {
  decoyHash,
  hashPassword,
  isWeaker,
  type PasswordCost,
  verifyPassword,
} from './passwords.ts'
import { problems } from './problems.ts'

// Each hash takes 64 MiB and a core: more at once would only be slower, and a longer queue only later.
const AT_ONCE = 2
const QUEUE_LENGTH = 50
const RETRY_AFTER_SECONDS = 5

/** Hashes and checks passwords, at most two at once; refuses with problem `auth.busy` when 50 wait. */
export class Passwords {
  readonly #cost: PasswordCost
  readonly #policy: () => PasswordPolicy
  readonly #decoy: string
  readonly #turns = new Turns({ atOnce: AT_ONCE, queueLength: QUEUE_LENGTH })

  constructor(cost: PasswordCost, policy: () => PasswordPolicy = passwordPolicy) {
    this.#cost = cost
    this.#policy = policy
    this.#decoy = decoyHash(cost)
  }

  /** The hash of a new password. @throws problem `auth.weak_password` that says what to change */
  choose(
    signal: AbortSignal,
    password: string,
    person: Person,
    path = 'body.password',
  ): Promise<string> {
    return this.#guarded(signal, async () => {
      const { minLength, minScore } = this.#policy()
      const short = shortFault(password, minLength)
      const changes = short ? [short] : await weaknesses(password, person, minScore)
      const errors = changes.map((message) => ({ path, message }))
      if (errors.length > 0) throw problems.weakPassword({ errors })
      return hashPassword(password, this.#cost)
    })
  }

  /** The hash to keep for a person without a password: none matches it. */
  none(): string {
    return decoyHash(this.#cost)
  }

  /**
   * Whether the password is the stored one. Without one, the answer is no after the same work.
   *
   * @param begin done first, once the turn has come
   */
  matches(
    signal: AbortSignal,
    password: string,
    stored: string | undefined,
    begin?: () => Promise<void>,
  ): Promise<boolean> {
    return this.#guarded(signal, async () => {
      await begin?.()
      return verifyPassword(password, stored ?? this.#decoy)
    })
  }

  /** The hash to keep from now on for a password that matched: a new one when the stored one was cheaper than today's. */
  async renew(signal: AbortSignal, password: string, stored: string): Promise<string> {
    if (!isWeaker(stored, this.#cost)) return stored
    return this.#guarded(signal, () => hashPassword(password, this.#cost))
  }

  async #guarded<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#turns.run(signal, work)
    } catch (error) {
      if (!(error instanceof TurnsFull)) throw error
      throw problems.busy({ retryAfterSeconds: RETRY_AFTER_SECONDS })
    }
  }
}
