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

/** How far the control plane has told; later answers have higher rounds. */
export interface Place {
  readonly round: number
  /** Undefined before the first answer. */
  readonly after: string | undefined
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
  #told: Place = { round: 0, after: undefined }
  /** Where the next question begins, if that is not where the last answer has ended. */
  #behind: Place | undefined
  #round = new AbortController()
  #renewal: NodeJS.Timeout | undefined

  constructor(options: WatchOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  get told(): Place {
    return this.#told
  }

  /** A tunnel is known now, from a question that was asked when news were told up to `since`: what has changed since then is asked for. */
  learn(since: Place): void {
    this.#fallBack(since)
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
    const from = this.#behind ?? this.#told
    this.#behind = undefined
    try {
      const news = await control.watch({ after: from.after, tunnelIds: tunnelIds(), signal })
      this.#told = { round: this.#told.round + 1, after: news.after }
      onNews(news)
    } catch (error) {
      this.#fallBack(from)
      throw error
    }
  }

  #fallBack(place: Place): void {
    if (!this.#behind || place.round < this.#behind.round) this.#behind = place
  }
}
