import { SESSION_WINDOW } from '../link-protocol.ts'

/** Of one stream on a short way: 400 visitors who do not read then keep 100 MiB. */
export const SMALL_WINDOW = 256 * 1024
const SMALLEST = 64 * 1024
const LARGEST = 8 * 1024 * 1024
/** Of one stream, at the rate of a good line. */
const BYTES_PER_SECOND = 150_000_000
/** What visitors who do not read may keep between them, of one link. */
const BUDGET = 32 * 1024 * 1024

interface WindowedSession {
  readonly destroyed: boolean
  settings(settings: { initialWindowSize: number }): void
  setLocalWindowSize(bytes: number): void
}

/**
 * How much an agent may send ahead on each stream of one link. A long way needs much in flight; many visitors who do not keep up must
 * have little each, or they would fill the memory.
 */
export class Windows {
  readonly #session: WindowedSession
  #bytes = SMALL_WINDOW
  #behind = 0
  #roundTripMs = 0

  constructor(session: WindowedSession) {
    this.#session = session
    session.setLocalWindowSize(SESSION_WINDOW)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** One visitor more does not keep up, or one less. */
  behind(change: 1 | -1): void {
    this.#behind += change
    if (change === 1) this.#adjust()
  }

  roundTrip(ms: number): void {
    this.#roundTripMs = ms
    this.#adjust()
  }

  #adjust(): void {
    const bytes = windowFor(this.#behind, this.#roundTripMs)
    // It grows with some room only, so that those who come and go at the edge of a step change nothing.
    const grows =
      bytes > this.#bytes && windowFor(this.#behind * 2, this.#roundTripMs) > this.#bytes
    if (bytes >= this.#bytes && !grows) return
    this.#bytes = bytes
    if (!this.#session.destroyed) this.#session.settings({ initialWindowSize: bytes })
  }
}

export function windowFor(behind: number, roundTripMs: number): number {
  const needed = Math.max(SMALL_WINDOW, (BYTES_PER_SECOND * roundTripMs) / 1000)
  const share = Math.max(SMALLEST, BUDGET / Math.max(1, behind))
  return Math.min(LARGEST, 2 ** Math.ceil(Math.log2(needed)), 2 ** Math.floor(Math.log2(share)))
}
