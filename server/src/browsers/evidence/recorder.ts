import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Exchange } from '../watch/exchange.ts'
import type { FeedEvent, FeedKind, SessionFeed } from '../watch/feed.ts'
import type { PageWatcher, WatchLease } from '../watch/watcher.ts'
import { masked } from './credentials.ts'
import type { EndedBy, Manifest, TimelineEvent } from './manifest.ts'
import { PartWriter } from './part-writer.ts'
import { resumed } from './resume.ts'
import { type PageImage, Screencasts } from './screencast.ts'
import type { RecordingSink } from './sink.ts'

export interface RecorderOptions {
  sessionId: string
  endpoint: string
  feed: SessionFeed
  watcher: PageWatcher
  sink: RecordingSink
  options?: Partial<RecordingWish>
  /** Of an earlier process that did not live to end it: goes on with this one. */
  unfinished?: Manifest
  /** How much a killed process may lose. */
  flushEveryMs?: number
  log: Logger
  clock: Clock
}

export interface RecordingWish {
  /** Images of the pages. */
  frames: boolean
  /** What the pages load, without bodies. */
  network: boolean
  /** Keeps cookies and authorization as they are; otherwise they are masked before anything is stored. */
  credentials: boolean
  maxSeconds: number
  maxBytes: number
  /** At most 5. */
  fps: number
  /** Of the JPEG images, 1 to 100. */
  quality: number
}

/** A command as the recording shows it. Secrets in `params` are the caller's to leave out. */
export interface RecordedCommand {
  id: string
  type: string
  params?: unknown
  startedAt: Date
  endedAt: Date
  status: 'success' | 'error'
  error?: string
}

const WISH: RecordingWish = {
  frames: true,
  network: false,
  credentials: false,
  maxSeconds: 3_600,
  maxBytes: 100 * 1024 * 1024,
  fps: 2,
  quality: 50,
}
const MAX_FPS = 5
const MAX_SECONDS = 86_400
const FLUSH_EVERY_MS = 5_000
const KINDS: ReadonlySet<FeedKind> = new Set([
  'state',
  'console',
  'dialog',
  'download',
  'lifecycle',
  'control',
  'egress',
])

/** Records one session: what happens, and what its pages look like. What was recorded is stored within 5 s of it, or of the store's return. */
export class Recorder implements AsyncDisposable {
  readonly #options: RecorderOptions
  readonly #wish: RecordingWish
  readonly #manifest: Manifest
  readonly #writer: PartWriter
  readonly #startedMs: number
  readonly #timers: NodeJS.Timeout[] = []
  #lease: WatchLease | undefined
  #subscription: Disposable | undefined
  #casts: Screencasts | undefined
  #ended: Promise<Manifest> | undefined
  readonly #ending = Promise.withResolvers<EndedBy>()

  private constructor(options: RecorderOptions) {
    this.#options = options
    const { sink, clock, sessionId, unfinished, log } = options
    this.#wish = { ...WISH, ...options.options, ...unfinished?.options }
    this.#wish.fps = Math.min(Math.max(this.#wish.fps, 0.1), MAX_FPS)
    this.#manifest = unfinished
      ? resumed(unfinished, clock.now())
      : emptyManifest(sessionId, clock.now(), this.#wish)
    this.#startedMs = Date.parse(this.#manifest.startedAt)
    const { maxBytes } = this.#wish
    const onFull = (endedBy: EndedBy, err?: unknown) => {
      if (err) log.warn({ err, session: sessionId }, 'a recording cannot be stored')
      void this.#end(endedBy)
    }
    this.#writer = new PartWriter({ manifest: this.#manifest, sink, clock, log, maxBytes, onFull })
  }

  /** @throws CdpClosed or CdpError when the browser does not answer */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const recorder = new Recorder(options)
    await recorder.#start()
    return recorder
  }

  /** Settled with why, when the recording has ended by itself or was ended. */
  get ended(): Promise<EndedBy> {
    return this.#ending.promise
  }

  command({ startedAt, ...command }: RecordedCommand): void {
    const durationMs = command.endedAt.getTime() - startedAt.getTime()
    this.#add('command', { ...command, startedMs: this.#offset(startedAt), durationMs })
  }

  /** What a person does in the live view. Text that is typed is the caller's to leave out. */
  input(input: Record<string, unknown>): void {
    this.#add('input', input)
  }

  /** Stores what waits and ends the recording; every caller gets the same manifest. Never rejects. */
  end(): Promise<Manifest> {
    return this.#end('asked')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  async #start(): Promise<void> {
    const { feed, watcher, endpoint, log, clock, flushEveryMs = FLUSH_EVERY_MS } = this.#options
    const { frames, network, fps, quality, maxSeconds } = this.#wish
    if (frames) {
      const onImage = (image: PageImage) => this.#addImage(image)
      this.#casts = await Screencasts.open({ endpoint, fps, quality, log, onImage })
    }
    this.#subscription = feed.subscribe({ kinds: KINDS }, (event) => this.#addFed(event))
    this.#lease = watcher.acquire({ network, onExchange: (one) => this.#addExchange(one) })
    this.#timers.push(setInterval(() => void this.#writer.flush(), flushEveryMs))
    const leftMs = Math.min(maxSeconds, MAX_SECONDS) * 1_000 - this.#offset(clock.now())
    this.#timers.push(setTimeout(() => void this.#end('limit'), Math.max(0, leftMs)))
    void this.#writer.begin()
    await this.#lease.ready
  }

  #end(endedBy: EndedBy): Promise<Manifest> {
    return (this.#ended ??= this.#finish(endedBy))
  }

  async #finish(endedBy: EndedBy): Promise<Manifest> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#casts?.[Symbol.dispose]()
    this.#subscription?.[Symbol.dispose]()
    this.#lease?.[Symbol.dispose]()
    await this.#writer.finish(endedBy)
    this.#ending.resolve(this.#manifest.endedBy!)
    return this.#manifest
  }

  #addImage(image: PageImage): void {
    this.#writer.addFrame({ ms: this.#offset(this.#options.clock.now()), ...image })
  }

  #addFed({ kind, at, data }: FeedEvent): void {
    const isNavigation = /^(page|frame)\.(navigated|moved)$/.test(String(data.type))
    const recorded = isNavigation ? 'navigation' : kind
    if (recorded === 'gap' || recorded === 'network') return
    this.#add(recorded, data, this.#offset(new Date(at)))
  }

  #addExchange(exchange: Exchange): void {
    const kept = this.#wish.credentials ? exchange : masked(exchange)
    this.#add('exchange', { ...kept })
  }

  #add(kind: TimelineEvent['kind'], data: Record<string, unknown>, ms?: number): void {
    if (this.#ended) return
    this.#writer.addEvent({ ms: ms ?? this.#offset(this.#options.clock.now()), kind, data })
  }

  #offset(at: Date): number {
    return Math.max(0, at.getTime() - this.#startedMs)
  }
}

function emptyManifest(sessionId: string, startedAt: Date, wish: RecordingWish): Manifest {
  const { frames, network, credentials, fps, quality } = wish
  return {
    format: 'gantry-recording',
    version: 1,
    sessionId,
    startedAt: startedAt.toISOString(),
    updatedAt: startedAt.toISOString(),
    options: { frames, network, credentials, fps, quality },
    parts: [],
    totals: { frames: 0, events: 0, bytes: 0, dropped: 0 },
    lastMs: 0,
    complete: false,
  }
}
