import { ask, type CheckedService, type EndpointHealth, type HealthCheck } from './health-check.ts'

export interface CheckedEndpoint {
  id: string
  /** Undefined for an address that this agent was not told to serve. */
  service: CheckedService | undefined
  check: HealthCheck
}

interface Watched extends CheckedEndpoint {
  dueMs: number
  /** In a row, of the outcome that differs from `health`. */
  streak: number
  health: EndpointHealth | undefined
  isAsking: boolean
}

const MOST_AT_ONCE = 16
/** Shares of an interval, so that checks of many agents do not fall together. */
const JITTER = 0.2

/** Asks each service at its interval, by one timer for all, and tells when one gets well or ill. */
export class HealthChecks implements Disposable {
  readonly #watched = new Map<string, Watched>()
  readonly #report: (health: EndpointHealth) => void
  readonly #ended = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #asking = 0

  constructor(report: (health: EndpointHealth) => void) {
    this.#report = report
  }

  /** These are to be asked from now on, and no others. */
  apply(endpoints: readonly CheckedEndpoint[]): void {
    if (this.#ended.signal.aborted) return
    const ids = new Set(endpoints.map(({ id }) => id))
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id)
    for (const endpoint of endpoints) this.#watch(endpoint)
    this.#plan()
  }

  /** All that is known, for a relay that comes new. */
  known(): EndpointHealth[] {
    return [...this.#watched.values()].flatMap(({ health }) => health ?? [])
  }

  [Symbol.dispose](): void {
    this.#watched.clear()
    this.#ended.abort()
    clearTimeout(this.#timer)
  }

  #watch(endpoint: CheckedEndpoint): void {
    const before = this.#watched.get(endpoint.id)
    if (before && isSame(before, endpoint)) return
    const first = Math.random() * Math.min(1_000, endpoint.check.intervalSeconds * 100)
    this.#watched.set(endpoint.id, {
      ...endpoint,
      ...{ dueMs: performance.now() + first, streak: 0, health: before?.health, isAsking: false },
    })
  }

  #plan(): void {
    clearTimeout(this.#timer)
    const waiting = [...this.#watched.values()].filter(({ isAsking }) => !isAsking)
    if (waiting.length === 0 || this.#asking >= MOST_AT_ONCE) return
    const dueMs = Math.min(...waiting.map((one) => one.dueMs))
    this.#timer = setTimeout(() => this.#askDue(), Math.max(0, dueMs - performance.now()))
  }

  #askDue(): void {
    const nowMs = performance.now()
    for (const one of this.#watched.values()) {
      if (one.isAsking || one.dueMs > nowMs || this.#asking >= MOST_AT_ONCE) continue
      void this.#ask(one)
    }
    this.#plan()
  }

  async #ask(one: Watched): Promise<void> {
    one.isAsking = true
    this.#asking++
    const wrong = one.service
      ? await ask(one.service, one.check, this.#ended.signal)
      : 'the agent was not told to serve that address'
    this.#asking--
    one.isAsking = false
    one.dueMs = performance.now() + jittered(one.check.intervalSeconds * 1000)
    if (this.#ended.signal.aborted) return
    if (this.#watched.get(one.id) === one) this.#judge(one, wrong)
    this.#plan()
  }

  #judge(one: Watched, wrong: string | undefined): void {
    const status = wrong === undefined ? 'healthy' : 'unhealthy'
    if (one.health?.status === status) {
      one.streak = 0
      return
    }
    one.streak++
    const needed = wrong === undefined ? one.check.successes : one.check.failures
    // What was never known is well with the first good answer.
    if (one.streak < needed && (one.health || wrong !== undefined)) return
    one.streak = 0
    one.health = { endpointId: one.id, status, ...(wrong !== undefined && { message: wrong }) }
    this.#report(one.health)
  }
}

function isSame(before: CheckedEndpoint, { service, check }: CheckedEndpoint): boolean {
  return JSON.stringify([before.service, before.check]) === JSON.stringify([service, check])
}

function jittered(ms: number): number {
  return ms * (1 + JITTER * (2 * Math.random() - 1))
}
