import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/crypto/digests.ts'
import type { Clock } from '#kernel/clock.ts'
import { verifyScrypt } from '#kernel/scrypt.ts'
import { Turns, TurnsFull } from '#kernel/turns.ts'
import { addressKey } from '../limits/address-key.ts'
import { Rates } from '../limits/rates.ts'
import { visitorProblems as problems } from './problems.ts'

// Each check takes 32 MiB and a core for a quarter of a second.
const AT_ONCE = 2
const QUEUE_LENGTH = 32
const LONGEST_MS = 10_000
const RETRY_AFTER_SECONDS = 5
/** Wrong ones in a row from one address; later one every six seconds. */
const TRIES = { burst: 10, perSecond: 1 / 6 }
const MAX_KNOWN = 1_000

/** How many secrets each address may try at each tunnel of a relay. */
export class Tries {
  readonly #rates: Rates

  constructor(clock: Clock) {
    this.#rates = new Rates({ clock, ...TRIES })
  }

  /** So that a right one among too many is refused too. @throws problem `tunnel.too_many_tries` */
  check(tunnelId: string, ip: string): void {
    refuseWhile(this.#rates.waitMs(keyOf(tunnelId, ip)))
  }

  /** Takes one try, before it is judged. @throws problem `tunnel.too_many_tries` */
  take(tunnelId: string, ip: string): void {
    refuseWhile(this.#rates.take(keyOf(tunnelId, ip)))
  }

  /** It was the right one, and so no try. */
  giveBack(tunnelId: string, ip: string): void {
    this.#rates.giveBack(keyOf(tunnelId, ip))
  }
}

function refuseWhile(waitMs: number): void {
  if (waitMs > 0) throw problems.tooManyTries({ retryAfterSeconds: Math.ceil(waitMs / 1000) })
}

function keyOf(tunnelId: string, ip: string): string {
  return `${tunnelId} ${addressKey(ip)}`
}

export interface PasswordTry {
  tunnelId: string
  ip: string
  password: string
  /** `scrypt$…`. */
  stored: string
}

/** Checks passwords for all tunnels of a relay: few at once, few tries of each address, and the right ones once. */
export class PasswordChecks {
  readonly #tries: Tries
  readonly #turns = new Turns({ atOnce: AT_ONCE, queueLength: QUEUE_LENGTH })
  readonly #key = randomBytes(32).toString('base64')
  /** Right ones, and those that are under way, by a digest that only this process can make. */
  readonly #known = new Map<string, true | Promise<boolean>>()

  constructor(tries: Tries) {
    this.#tries = tries
  }

  /** True at once for one that was right before. @throws problem `tunnel.too_many_tries` or `tunnel.busy` */
  matches(attempt: PasswordTry): true | Promise<boolean> {
    this.#tries.check(attempt.tunnelId, attempt.ip)
    const name = this.#nameOf(attempt)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const checking = this.#check(attempt).then(
      (right) => {
        if (right) this.#keep(name, true)
        else this.#known.delete(name)
        return right
      },
      (error: unknown) => {
        this.#known.delete(name)
        throw error
      },
    )
    this.#keep(name, checking)
    return checking
  }

  async #check({ tunnelId, ip, password, stored }: PasswordTry): Promise<boolean> {
    this.#tries.take(tunnelId, ip)
    try {
      const signal = AbortSignal.timeout(LONGEST_MS)
      const right = await this.#turns.run(signal, () => verifyScrypt(password, stored))
      if (right) this.#tries.giveBack(tunnelId, ip)
      return right
    } catch (error) {
      this.#tries.giveBack(tunnelId, ip)
      const isLate = error instanceof DOMException && error.name === 'TimeoutError'
      if (!isLate && !(error instanceof TurnsFull)) throw error
      throw problems.hashingBusy({ retryAfterSeconds: RETRY_AFTER_SECONDS })
    }
  }

  #keep(name: string, value: true | Promise<boolean>): void {
    this.#known.delete(name)
    this.#known.set(name, value)
    if (this.#known.size <= MAX_KNOWN) return
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest)
  }

  #nameOf({ tunnelId, password, stored }: PasswordTry): string {
    return sha256([this.#key, tunnelId, stored, password].join('\0')).toString('base64')
  }
}
