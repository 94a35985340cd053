import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 20

/** How busy the process is, since it was asked last. */
export class Load implements Disposable {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #cpu = process.cpuUsage()
  #sinceMs = performance.now()

  constructor() {
    this.#delay.enable()
  }

  take(): { eventLoopDelayMs: number; cpu: number } {
    const { user, system } = process.cpuUsage(this.#cpu)
    const elapsedMs = Math.max(1, performance.now() - this.#sinceMs)
    const delayMs = Math.max(0, this.#delay.percentile(99) / 1e6 - RESOLUTION_MS)
    this.#cpu = process.cpuUsage()
    this.#sinceMs = performance.now()
    this.#delay.reset()
    return {
      eventLoopDelayMs: Math.round(delayMs * 10) / 10,
      cpu: (user + system) / 1000 / elapsedMs,
    }
  }

  [Symbol.dispose](): void {
    this.#delay.disable()
  }
}
