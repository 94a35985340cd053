import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '#kernel/log.ts'
import type { News, RelayControl } from './control.ts'

export interface WatchOptions {
  control: Pick<RelayControl, 'watch'>
  log: Logger
  /** Those that news are wanted of. */
  tunnelIds(): readonly string[]
  onNews(news: News): void
}

const RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000
/** Newly known tunnels are asked for within this. */
const RENEW_MS = 500

/** Hears from the control plane what has changed, for as long as the relay runs. */
export class Watch implements AsyncDisposable {
  readonly #options: WatchOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #after: string | undefined
  /** Of the last answer. */
  #told: string | undefined
  #round = new AbortController()
  #renewal: NodeJS.Timeout | undefined

  constructor(options: WatchOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Other tunnels than before are to be told of: those who change often meanwhile are waited for. */
  renew(): void {
    this.#renewal ??= setTimeout(() => {
      this.#renewal = undefined
      this.#round.abort()
    }, RENEW_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#renewal)
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    let waitMs = RETRY_MS
    while (!this.#stop.signal.aborted) {
      this.#round = new AbortController()
      const signal = AbortSignal.any([this.#stop.signal, this.#round.signal])
      try {
        await this.#ask(signal)
        waitMs = RETRY_MS
      } catch (error) {
        if (signal.aborted) continue
        this.#options.log.warn({ err: error }, 'the control plane did not answer')
        await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {})
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)
      }
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { control, tunnelIds, onNews } = this.#options
    const asked = new Set(tunnelIds())
    const news = await control.watch({ after: this.#after, tunnelIds: [...asked], signal })
    // What became known meanwhile was not asked for and may have changed since: the next answer begins where this one has begun.
    const isWhole = tunnelIds().every((id) => asked.has(id))
    this.#after = isWhole ? news.after : this.#told
    this.#told = news.after
    onNews(news)
  }
}
