import { type Address, spell } from './address.ts'

const TELL_EVERY_MS = 10_000

/** Tells of a service that takes no connection now and then, not for each of its visitors. */
export class Unreached {
  /** Of what the agent may dial only, which is a short list. */
  readonly #toldMs = new Map<string, number>()
  readonly #tell: (service: { address: string; message: string }) => void

  constructor(tell: (service: { address: string; message: string }) => void) {
    this.#tell = tell
  }

  note(where: Address, message: string): void {
    const address = spell(where)
    const nowMs = performance.now()
    if (nowMs - (this.#toldMs.get(address) ?? -Infinity) < TELL_EVERY_MS) return
    this.#toldMs.set(address, nowMs)
    this.#tell({ address, message })
  }
}
