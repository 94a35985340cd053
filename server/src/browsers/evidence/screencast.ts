import type { Logger } from '#kernel/log.ts'
import type { Connection } from '../watch/connection.ts'
import { LastingConnection } from '../watch/lasting.ts'

export interface PageImage {
  pageId: string
  width: number
  height: number
  jpeg: Buffer
}

export interface ScreencastOptions {
  endpoint: string
  fps: number
  quality: number
  log: Logger
  onImage: (image: PageImage) => void
}

interface Cast {
  pageId: string
  session: string
  last: Buffer | undefined
  /** The newest that came before its time. */
  held: PageImage | undefined
  timer: NodeJS.Timeout | undefined
  waiting: boolean
  /** Whether the page has been looked at since it fell still. */
  settled: boolean
}

interface ScreencastFrame {
  data: string
  sessionId: number
  metadata: { deviceWidth: number; deviceHeight: number }
}

const MAX_READ_BYTES = 8 * 1024 * 1024
const MAX_PAGES = 20
const MAX_SIDE_PIXELS = 1_280
const SETTLE_MS = 1_000
const PAGES_ONLY = [{ type: 'page' }, { exclude: true }]

/** A few images a second of each page that is painted. The last state of a page that falls still is among them. */
export class Screencasts implements Disposable {
  readonly #options: ScreencastOptions
  readonly #casts = new Map<string, Cast>()
  #connection: LastingConnection | undefined
  #link: Connection | undefined

  private constructor(options: ScreencastOptions) {
    this.#options = options
  }

  /** @throws CdpClosed or CdpError when the browser does not answer */
  static async open(options: ScreencastOptions): Promise<Screencasts> {
    const casts = new Screencasts(options)
    casts.#connection = await LastingConnection.open({
      ...options,
      maxReadBytes: MAX_READ_BYTES,
      onEvent: (method, params, session) => casts.#take(method, params, session),
      onLost: () => casts.#forget(),
      start: (connection) => {
        casts.#link = connection
        const discovery = { discover: true, filter: PAGES_ONLY }
        return connection.send('Target.setDiscoverTargets', discovery)
      },
    })
    return casts
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]()
    this.#forget()
  }

  #forget(): void {
    this.#link = undefined
    for (const { timer } of this.#casts.values()) clearTimeout(timer)
    this.#casts.clear()
  }

  #take(method: string, params: Record<string, unknown>, session: string | undefined): void {
    const { targetId } = (params.targetInfo ?? {}) as { targetId?: string }
    switch (method) {
      case 'Target.targetCreated':
        return this.#attach(targetId!)
      case 'Target.attachedToTarget':
        return this.#begin(targetId!, String(params.sessionId))
      case 'Target.detachedFromTarget':
        clearTimeout(this.#casts.get(String(params.sessionId))?.timer)
        this.#casts.delete(String(params.sessionId))
        return
      case 'Page.screencastFrame': {
        const cast = this.#casts.get(session!)
        if (cast) this.#takeFrame(cast, params as unknown as ScreencastFrame)
      }
    }
  }

  #attach(targetId: string): void {
    if (this.#casts.size >= MAX_PAGES) return
    this.#link?.tell('Target.attachToTarget', { targetId, flatten: true })
  }

  #begin(pageId: string, session: string): void {
    const fresh = {
      last: undefined,
      held: undefined,
      timer: undefined,
      waiting: false,
      settled: true,
    }
    this.#casts.set(session, { pageId, session, ...fresh })
    this.#link?.tell('Page.enable', {}, session)
    this.#start(session)
  }

  #start(session: string): void {
    const { quality } = this.#options
    const size = { maxWidth: MAX_SIDE_PIXELS, maxHeight: MAX_SIDE_PIXELS }
    this.#link?.tell('Page.startScreencast', { format: 'jpeg', quality, ...size }, session)
  }

  /** An answer is given in the wanted rate, and Chromium paints no image before it has the answers to the last few. */
  #takeFrame(cast: Cast, { data, sessionId, metadata }: ScreencastFrame): void {
    const { deviceWidth: width, deviceHeight: height } = metadata
    const image = { pageId: cast.pageId, width, height, jpeg: Buffer.from(data, 'base64') }
    const waitMs = 1_000 / this.#options.fps
    setTimeout(() => {
      this.#link?.tell('Page.screencastFrameAck', { sessionId }, cast.session)
    }, waitMs).unref()
    if (cast.waiting) {
      cast.held = image
      return
    }
    this.#tell(cast, image)
    this.#wait(cast, waitMs)
  }

  /** Until the next image is due; the newest that came meanwhile is told then. */
  #wait(cast: Cast, waitMs: number): void {
    clearTimeout(cast.timer)
    cast.waiting = true
    cast.timer = setTimeout(() => {
      const { held } = cast
      cast.held = undefined
      if (held) {
        this.#tell(cast, held)
        return this.#wait(cast, waitMs)
      }
      cast.waiting = false
      cast.timer = setTimeout(() => this.#settle(cast), SETTLE_MS)
    }, waitMs)
  }

  /** What was painted while answers were held back has made no image: a new start makes one of the page as it is. */
  #settle(cast: Cast): void {
    if (cast.settled) return
    cast.settled = true
    this.#link?.tell('Page.stopScreencast', {}, cast.session)
    this.#start(cast.session)
  }

  #tell(cast: Cast, image: PageImage): void {
    if (cast.last?.equals(image.jpeg)) return
    cast.last = image.jpeg
    cast.settled = false
    this.#options.onImage(image)
  }
}
