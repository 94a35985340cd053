import type { Logger } from '#kernel/log.ts'
import { type GuardOptions, SessionGuard } from '../watch/guard.ts'

/** A browser that has not answered by then begins no download either, and what was asked of it has a deadline of its own. */
const PATIENCE_MS = 1_000

/** The guard of one session: opened when it is first wanted, and anew after it could not be. */
export class KeptGuard implements AsyncDisposable {
  readonly #options: GuardOptions
  readonly #onOpen: (guard: SessionGuard) => void
  readonly #log: Logger
  #guard: Promise<SessionGuard> | undefined
  #isOpen = false
  #disposed = false

  constructor(options: GuardOptions, onOpen: (guard: SessionGuard) => void) {
    this.#options = options
    this.#onOpen = onOpen
    this.#log = options.log
  }

  get(): Promise<SessionGuard> {
    this.#guard ??= this.#open().catch((error: unknown) => {
      this.#guard = undefined
      throw error
    })
    return this.#guard
  }

  /** Attaches without anybody who waits for that. */
  attach(): void {
    this.get().catch((error: unknown) => {
      this.#log.debug({ err: error }, 'the guard could not attach')
    })
  }

  /** Until it has attached Chromium refuses downloads, so nothing is asked of its pages. */
  async attached(): Promise<void> {
    if (this.#isOpen) return
    const { promise: patience, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, PATIENCE_MS)
    await Promise.race([this.get(), patience]).catch(() => {})
    clearTimeout(timer)
  }

  /** A client of CDP may have led them elsewhere, and its leaving leads them elsewhere again. */
  async claimDownloads(): Promise<void> {
    if (this.#disposed) return
    const guard = await this.get().catch(() => undefined)
    await guard?.claimDownloads().catch((error: unknown) => {
      this.#log.debug({ err: error }, 'downloads could not be led back')
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const guard = await this.#guard?.catch(() => undefined)
    guard?.[Symbol.dispose]()
  }

  async #open(): Promise<SessionGuard> {
    const guard = await SessionGuard.open(this.#options)
    this.#onOpen(guard)
    if (this.#disposed) guard[Symbol.dispose]()
    this.#isOpen = true
    return guard
  }
}
