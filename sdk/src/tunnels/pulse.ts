import { networkInterfaces } from 'node:os'
import type { Timing } from './timing.ts'

/** Notices that the machine has slept, by a look that comes late, and that its addresses are others than before. */
export class Pulse implements Disposable {
  readonly #timer: NodeJS.Timeout
  #seenAt: number
  #addresses: string

  constructor(
    timing: Timing,
    onChange: (what: 'slept' | 'network') => void,
    addresses: () => string = ownAddresses,
  ) {
    this.#seenAt = timing.now()
    this.#addresses = addresses()
    this.#timer = setInterval(() => {
      const [now, own] = [timing.now(), addresses()]
      const slept = now - this.#seenAt > timing.lookEveryMs + timing.sleptMs
      const moved = own !== this.#addresses
      this.#seenAt = now
      this.#addresses = own
      if (slept || moved) onChange(slept ? 'slept' : 'network')
    }, timing.lookEveryMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/** Those by which others are reached; temporary IPv6 addresses come and go while links stand. */
function ownAddresses(): string {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)
    .sort()
    .join()
}
