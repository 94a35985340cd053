import type { ControlPlane } from './control-plane.ts'
import { pause } from './pause.ts'
import type { Timing } from './timing.ts'

/** Waits for tunnels that another agent holds, or that were stopped, until nobody holds them. */
export class StandBy {
  readonly #plane: ControlPlane
  readonly #timing: Timing
  readonly #signal: AbortSignal
  readonly #onFree: (id: string) => void
  readonly #watched = new Set<string>()
  #freed = Promise.withResolvers<void>()

  constructor(
    plane: ControlPlane,
    timing: Timing,
    signal: AbortSignal,
    onFree: (id: string) => void,
  ) {
    this.#plane = plane
    this.#timing = timing
    this.#signal = signal
    this.#onFree = onFree
    signal.addEventListener('abort', () => this.#freed.resolve(), { once: true })
  }

  get isWatching(): boolean {
    return this.#watched.size > 0
  }

  /** Resolves when `isSo`, which is asked whenever a tunnel is free. @throws when the agent ends */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await this.#freed.promise
      this.#signal.throwIfAborted()
    }
  }

  watch(id: string): void {
    if (this.#watched.has(id)) return
    this.#watched.add(id)
    void this.#look(id)
  }

  async #look(id: string): Promise<void> {
    const { standByMs } = this.#timing
    // Once may be the moment between two links of whoever holds it.
    for (let seenFree = 0; seenFree < 2;) {
      await pause(standByMs * (0.75 + Math.random() / 2), this.#signal)
      if (this.#signal.aborted) return
      seenFree = (await this.#isFree(id)) ? seenFree + 1 : 0
    }
    this.#watched.delete(id)
    this.#onFree(id)
    this.#freed.resolve()
    this.#freed = Promise.withResolvers()
  }

  async #isFree(id: string): Promise<boolean> {
    try {
      const { started, suspension, links, status } = await this.#plane.get(id)
      return started && !suspension && links === 0 && status !== 'connecting'
    } catch {
      return false
    }
  }
}
