import { type Address, parseAddress, spell } from './address.ts'

/**
 * What this agent may dial, by tunnel: nothing but what it was told on its own machine. A server that asks for anything else,
 * whoever has made it ask, is refused.
 */
export class Reach {
  readonly #addresses = new Map<string, ReadonlyMap<string, Address>>()

  allow(tunnelId: string, addresses: readonly Address[]): void {
    this.#addresses.set(
      tunnelId,
      new Map(addresses.map(({ host, port }) => [spell({ host, port }), { host, port }])),
    )
  }

  forget(tunnelId: string): void {
    this.#addresses.delete(tunnelId)
  }

  /** The address that `authority` names, if this tunnel may lead there. */
  find(tunnelId: unknown, authority: unknown): Address | undefined {
    if (typeof tunnelId !== 'string' || typeof authority !== 'string') return undefined
    const addresses = this.#addresses.get(tunnelId)
    return addresses?.get(authority) ?? addresses?.get(respell(authority))
  }
}

function respell(authority: string): string {
  try {
    return spell(parseAddress(authority))
  } catch {
    return ''
  }
}
