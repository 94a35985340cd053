import { problems } from '../problems.ts'
import type { Tab } from './tab.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const MAX_TIMEOUT_MS = 120_000
const GRACE_MS = 2_000

/**
 * One command on its way: everything that may end it early meets in `signal`, whose reason is the problem to throw (or what the caller
 * gave as reason). The first cause wins.
 */
export class Run implements Disposable {
  readonly timeoutMs: number
  readonly #ends = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #cleanUp = new DisposableStack()
  readonly #endsAtMs: number
  #awaited = 'the command to begin'
  #expired = false

  constructor(timeoutMs: number = DEFAULT_TIMEOUT_MS, caller?: AbortSignal) {
    this.timeoutMs = Math.min(timeoutMs, MAX_TIMEOUT_MS)
    this.#endsAtMs = performance.now() + this.timeoutMs
    this.#timer = setTimeout(() => this.#expire(), this.timeoutMs)
    if (caller) this.follow(caller)
  }

  get signal(): AbortSignal {
    return this.#ends.signal
  }

  /** At least 1, since 0 means no deadline to most who are given one. */
  get remainingMs(): number {
    return Math.max(1, this.#endsAtMs - performance.now())
  }

  /** Names what is waited for from now on: `load of https://…`. A timeout says so. */
  awaits(what: string): void {
    this.#awaited = what
  }

  /** Whether its own deadline is what ended it. */
  get expired(): boolean {
    return this.#expired
  }

  end(reason: unknown): void {
    this.#ends.abort(reason)
  }

  /** Ends when `signal` does, for the same reason. */
  follow(signal: AbortSignal): void {
    const end = () => this.end(signal.reason)
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    this.#cleanUp.defer(() => signal.removeEventListener('abort', end))
  }

  /** Ends at a dialog or a crash of this page; at once when it has one. */
  watch(tab: Tab): void {
    if (tab.trouble) this.end(tab.trouble)
    this.#cleanUp.use(tab.onTrouble((trouble) => this.end(trouble)))
  }

  /** The promise, unless the command ends first. */
  async race<Result>(promise: Promise<Result>): Promise<Result> {
    if (this.signal.aborted) {
      promise.catch(() => {})
      throw this.signal.reason
    }
    const { promise: ended, reject } = Promise.withResolvers<never>()
    const end = () => reject(this.signal.reason)
    this.signal.addEventListener('abort', end, { once: true })
    try {
      return await Promise.race([promise, ended])
    } finally {
      this.signal.removeEventListener('abort', end)
    }
  }

  /** As `race`, but lets what was begun end by itself for a moment, since its own error may tell more. */
  async finish<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await this.race(work)
    } catch (error) {
      if (!this.signal.aborted) throw error
      using grace = new Run(GRACE_MS)
      await grace.race(work).catch((later: unknown) => {
        if (!grace.signal.aborted) throw later
      })
      throw this.signal.reason
    }
  }

  #expire(): void {
    this.#expired = !this.signal.aborted
    this.end(problems.timeout({ awaited: this.#awaited, timeoutMs: this.timeoutMs }))
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#cleanUp.dispose()
  }
}
