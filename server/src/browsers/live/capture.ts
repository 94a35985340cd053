import type { Clock } from '#kernel/clock.ts'
import { type Frame, packFrame, type ScreencastFrame } from './frame.ts'

/** Somebody who is shown the frames of a capture. */
export interface Audience {
  /** Shows the frame, or says why not: too many are on their way, or the viewer wants no more just now. */
  offer(frame: Frame): 'taken' | 'slow' | 'resting'
  /** The most that the viewer asked for; undefined is as good as it gets. */
  readonly jpegQuality: number | undefined
}

export interface CaptureParts {
  /** The page's number. */
  page: number
  clock: Clock
  nextSequence(): number
  /** Of the page's own DevTools session; a refusal is not the capture's business. */
  send(method: string, params: object): Promise<unknown>
}

const QUALITIES = [80, 65, 50, 35, 20]
/** As many unacknowledged frames as Chromium sends before it drops what comes next, also when nothing comes after that. */
const CHROMIUM_IN_FLIGHT = 3
const QUIET_MS = 250
const JUDGED_EVERY_MS = 2_000
/** So many good stretches in a row are worth a better picture. */
const GOOD_STRETCHES = 5

/**
 * One screencast of one page for all who watch it. Chromium is told to go on as soon as one viewer has taken a frame, so the fastest
 * viewer sets the pace; the others skip to the newest. The picture gets coarser when even the fastest keeps Chromium waiting.
 */
export class Capture {
  readonly #parts: CaptureParts
  readonly #audience = new Map<Audience, { shown: number }>()
  #running = false
  #latest: Frame | undefined
  /** Screencast sessions of frames that Chromium has not been told to go on after. */
  #owed: number[] = []
  #unanswered = 0
  #run = 0
  #missed = false
  #refresh: NodeJS.Timeout | undefined
  #level = 0
  #quality = 0
  #judgedAtMs = 0
  #stalledMs = 0
  #stalledSinceMs: number | undefined
  #goodStretches = 0

  constructor(parts: CaptureParts) {
    this.#parts = parts
  }

  get watched(): boolean {
    return this.#audience.size > 0
  }

  /** Shows the last picture at once, if there is one. */
  join(viewer: Audience): void {
    this.#audience.set(viewer, { shown: -1 })
    if (!this.#running) this.#start()
    else this.requalify()
    this.pump()
  }

  leave(viewer: Audience): void {
    if (!this.#audience.delete(viewer)) return
    if (!this.watched) this.stop()
    else this.pump()
  }

  stop(): void {
    if (!this.#running) return
    this.#running = false
    this.#latest = undefined
    this.#forgetFlight()
    void this.#parts.send('Page.stopScreencast', {})
  }

  /** Starts afresh, which gives a picture also of a page that does not change. */
  restart(): void {
    if (!this.#running) return
    this.#forgetFlight()
    void this.#parts.send('Page.stopScreencast', {})
    this.#start()
  }

  /** To be called when what the viewers ask for has changed. */
  requalify(): void {
    if (this.#running && this.#wantedQuality() !== this.#quality) this.restart()
  }

  take(cast: ScreencastFrame): void {
    if (!this.#running) return
    const { page, clock, nextSequence } = this.#parts
    this.#owed.push(cast.sessionId)
    if (this.#owed.length + this.#unanswered >= CHROMIUM_IN_FLIGHT) this.#missed = true
    this.#latest = packFrame(page, nextSequence(), cast, clock.now().getTime()) ?? this.#latest
    this.pump()
  }

  /** Offers the newest picture to everybody who has not seen it. */
  pump(): void {
    const frame = this.#latest
    if (!frame) return
    let took = false
    let slow = true
    for (const [viewer, seen] of this.#audience) {
      const answer = seen.shown === frame.sequence ? 'taken' : viewer.offer(frame)
      if (answer === 'taken') seen.shown = frame.sequence
      took ||= answer === 'taken'
      slow &&= answer === 'slow'
    }
    if (took) this.#goOn()
    else if (slow) this.#stalledSinceMs ??= this.#parts.clock.monotonicMs()
    this.#judge()
  }

  #start(): void {
    this.#running = true
    this.#quality = this.#wantedQuality()
    const look = { format: 'jpeg', quality: this.#quality, maxWidth: 1920, maxHeight: 1200 }
    void this.#parts.send('Page.startScreencast', look)
  }

  #goOn(): void {
    const now = this.#parts.clock.monotonicMs()
    if (this.#stalledSinceMs !== undefined) this.#stalledMs += now - this.#stalledSinceMs
    this.#stalledSinceMs = undefined
    if (this.#owed.length === 0) return
    const run = this.#run
    for (const sessionId of this.#owed.splice(0)) {
      this.#unanswered++
      void this.#parts.send('Page.screencastFrameAck', { sessionId }).finally(() => {
        if (run === this.#run) this.#unanswered--
      })
    }
    this.#refreshWhenQuiet()
  }

  /** Chromium does not send again what it dropped, so the last picture could stay an old one. */
  #refreshWhenQuiet(): void {
    clearTimeout(this.#refresh)
    if (!this.#missed) return
    // While nobody takes pictures there is no use for another; whoever does next comes by here.
    const refresh = () => void (this.#owed.length === 0 && this.restart())
    this.#refresh = setTimeout(refresh, QUIET_MS).unref()
  }

  #forgetFlight(): void {
    clearTimeout(this.#refresh)
    this.#run++
    this.#owed = []
    this.#unanswered = 0
    this.#missed = false
    this.#stalledSinceMs = undefined
  }

  #wantedQuality(): number {
    const wishes = [...this.#audience.keys()].map(({ jpegQuality }) => jpegQuality ?? 100)
    return Math.min(QUALITIES[this.#level]!, Math.max(...wishes))
  }

  /** By how long, of late, nobody could take what Chromium had ready. */
  #judge(): void {
    const now = this.#parts.clock.monotonicMs()
    const elapsed = now - this.#judgedAtMs
    if (elapsed < JUDGED_EVERY_MS) return
    const share = this.#judgedAtMs === 0 ? 0 : this.#stalledMs / elapsed
    this.#judgedAtMs = now
    this.#stalledMs = 0
    this.#goodStretches = share < 0.1 ? this.#goodStretches + 1 : 0
    if (share > 0.5 && this.#level < QUALITIES.length - 1) this.#level++
    else if (this.#goodStretches >= GOOD_STRETCHES && this.#level > 0) this.#level--
    else return
    this.#goodStretches = 0
    this.requalify()
  }
}
