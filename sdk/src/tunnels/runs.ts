import { hostname } from 'node:os'
import { GantryError } from '../error.ts'
import type { ControlPlane, Invitation } from './control-plane.ts'
import type { Timing } from './timing.ts'
import { VERSION } from './version.ts'

/** The run of this agent: what it is known by while it lives, and what opens its links. */
export class Runs {
  readonly #plane: ControlPlane
  readonly #label: string
  readonly #timing: Timing
  readonly #signal: AbortSignal
  #runId: string | undefined
  #invitation: Invitation | undefined
  #invitedAtMs = 0
  #asking: Promise<Invitation> | undefined

  constructor(plane: ControlPlane, label: string, timing: Timing, signal: AbortSignal) {
    this.#plane = plane
    this.#label = label
    this.#timing = timing
    this.#signal = signal
  }

  /** Undefined before the first answer. */
  get id(): string | undefined {
    return this.#runId
  }

  /** One that still opens links; those who ask at once share it. @throws GantryError */
  invite(tunnels: readonly string[], isFresh: boolean): Promise<Invitation> {
    const isOld = performance.now() - this.#invitedAtMs > this.#timing.invitedMs
    if (this.#invitation && !isFresh && !isOld) return Promise.resolve(this.#invitation)
    this.#asking ??= this.#ask(tunnels).finally(() => (this.#asking = undefined))
    return this.#asking
  }

  /** Begins another run, which takes the tunnels from whoever holds them. */
  renew(): void {
    this.#runId = undefined
    this.#invitation = undefined
  }

  async #ask(tunnels: readonly string[]): Promise<Invitation> {
    this.#invitation = await this.#join(tunnels)
    this.#invitedAtMs = performance.now()
    this.#runId = this.#invitation.runId
    return this.#invitation
  }

  async #join(tunnels: readonly string[]): Promise<Invitation> {
    const about = { label: this.#label, version: VERSION, host: hostname(), tunnels: [...tunnels] }
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#timing.stepMs)])
    try {
      const known = this.#runId === undefined ? {} : { runId: this.#runId }
      return await this.#plane.join({ ...about, ...known }, signal)
    } catch (error) {
      const isUnknown = error instanceof GantryError && error.code === 'tunnel.run_unknown'
      if (!isUnknown || this.#runId === undefined) throw error
      this.renew()
      return this.#plane.join(about, signal)
    }
  }
}
