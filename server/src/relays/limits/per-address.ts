import { addressKey } from './address-key.ts'

export interface PerAddressOptions {
  /** Connections at once. */
  maxConnections: number
}

/** What one address may take of a relay, over all tunnels: before any of them is woken. */
export class PerAddress {
  readonly #maxConnections: number
  readonly #open = new Map<string, number>()

  constructor({ maxConnections }: PerAddressOptions) {
    this.#maxConnections = maxConnections
  }

  /** Counts a connection until the returned function is called; undefined when there are too many. */
  connect(ip: string): (() => void) | undefined {
    const key = addressKey(ip)
    const open = this.#open.get(key) ?? 0
    if (open >= this.#maxConnections) return undefined
    this.#open.set(key, open + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      const left = this.#open.get(key)! - 1
      if (left === 0) this.#open.delete(key)
      else this.#open.set(key, left)
    }
  }
}
