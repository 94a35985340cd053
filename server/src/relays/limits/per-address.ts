import type { Clock } from '#kernel/clock.ts'
import { addressKey } from './address-key.ts'
import { Rates } from './rates.ts'

export interface PerAddressOptions {
  clock: Clock
  /** Connections at once. */
  maxConnections: number
  requestsPerSecond: number
  requestBurst: number
}

/** What one address may take of a relay, over all tunnels: before any of them is woken. */
export class PerAddress {
  readonly #maxConnections: number
  readonly #rates: Rates
  readonly #open = new Map<string, number>()

  constructor({ clock, maxConnections, requestsPerSecond, requestBurst }: PerAddressOptions) {
    this.#maxConnections = maxConnections
    this.#rates = new Rates({ clock, perSecond: requestsPerSecond, burst: requestBurst })
  }

  /** Counts a connection until it is disposed of; undefined when there are too many. */
  connect(ip: string): Disposable | undefined {
    const key = addressKey(ip)
    const open = this.#open.get(key) ?? 0
    if (open >= this.#maxConnections) return undefined
    this.#open.set(key, open + 1)
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        const left = this.#open.get(key)! - 1
        if (left === 0) this.#open.delete(key)
        else this.#open.set(key, left)
      },
    }
  }

  /** Counts a request. 0 when it may go on, else the milliseconds until it may. */
  request(ip: string): number {
    return this.#rates.take(addressKey(ip))
  }
}
