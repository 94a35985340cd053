import type { Logger } from './log.ts'

export interface TickerOptions {
  /** Names the work in the log. */
  name: string
  everyMs: number
  log: Logger
  /** A throw is logged, and the next tick tries again. */
  work: () => Promise<void>
}

/** Does its work on a clock and when nudged, never twice at once; nudges during a run lead to one more run. */
export class Ticker implements AsyncDisposable {
  readonly #options: TickerOptions
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #again = false
  #stopped = false
  #failing = false

  constructor(options: TickerOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => this.nudge(), this.#options.everyMs)
    this.nudge()
  }

  nudge(): void {
    if (this.#stopped) return
    this.#again = true
    this.#running ??= this.#run()
  }

  /** As `nudge`, after a while: nudges until then are one. */
  nudgeIn(ms: number): void {
    if (this.#stopped) return
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.nudge()
    }, ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#options.work()
        this.#failing = false
      } catch (error) {
        this.#report(error)
      }
    }
    this.#running = undefined
  }

  /** Once for each stretch of failures: a database that is away for an hour must not fill the log each second. */
  #report(err: unknown): void {
    if (!this.#failing)
      this.#options.log.warn({ err, work: this.#options.name }, 'periodic work failed')
    this.#failing = true
  }
}
