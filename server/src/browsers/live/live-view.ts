import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { ControlChange, ControlLease } from '../control/lease.ts'
import { Audience } from './audience.ts'
import type { EarlierDialogs } from './earlier-dialogs.ts'
import { type ClientMessage, limitsFor, MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from './protocol.ts'
import { Steering } from './steering.ts'
import { FRAMES_IN_FLIGHT, Viewer, type ViewerRights } from './viewer.ts'
import { WatchedBrowser } from './watched-browser.ts'
import type { WatchedPage } from './watched-page.ts'

export interface LiveViewOptions {
  /** Of the browser: `ws://127.0.0.1:…/devtools/browser/…`. */
  endpoint: string
  log: Logger
  clock: Clock
  control: ControlLease
  /** A viewer did something that keeps the session from being idle; at most once a second. */
  onActivity: () => void
  /** Knows of dialogs that were open before anybody watched; without it those are not shown. */
  earlier?: EarlierDialogs
  /** 32 unless given. */
  maxViewers?: number
  /** How many pages are listed; 100 unless given. */
  maxPages?: number
  /** How long a viewer may be without progress; 60 s unless given. */
  patienceMs?: number
}

/** One viewer's connection, to whoever let it in. */
export interface ViewerSocket {
  close(code: number, reason: string): void
  readonly closed: Promise<void>
}

const ACTIVITY_EVERY_MS = 1_000
const LIST_EVERY_MS = 200
const CLOSE_WITHIN_MS = 2_000

/**
 * The live view of one session: pictures of its pages to any number of viewers, input from the one who holds control. It is connected
 * to the browser only while somebody watches. The protocol is told in `docs/live-view.md`; a frame's bytes at `packFrame`, messages
 * in `protocol.ts`.
 */
export class LiveView implements AsyncDisposable {
  readonly #options: LiveViewOptions
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  })
  readonly #audience: Audience
  readonly #steering: Steering
  readonly #changes: Disposable
  readonly #closing = new AbortController()
  #opening: Promise<WatchedBrowser> | undefined
  #browser: WatchedBrowser | undefined
  #listing: NodeJS.Timeout | undefined
  #lastSequence = 0
  #lastPageNumber = 0
  #activeAtMs = -Infinity

  constructor(options: LiveViewOptions) {
    this.#options = options
    this.#audience = new Audience(options.patienceMs ?? 60_000)
    this.#steering = new Steering(options.control)
    this.#changes = options.control.subscribe((change) => this.#tellControl(change))
  }

  get viewers(): number {
    return this.#audience.size
  }

  /**
   * Takes over the socket of an upgrade request that was let in. Refused with HTTP 503 when too many watch, 410 after the end. What
   * comes back closes it with any code; before the handshake it just ends.
   */
  open(
    request: Pick<IncomingMessage, 'headers' | 'method' | 'url'>,
    socket: Duplex,
    head: Buffer,
    rights: ViewerRights,
  ): ViewerSocket {
    socket.on('error', () => socket.destroy())
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    let open: WebSocket | undefined
    if (this.#closing.signal.aborted) refuse(socket, '410 Gone')
    else if (this.viewers >= (this.#options.maxViewers ?? 32)) {
      refuse(socket, '503 Service Unavailable')
    } else {
      this.#sockets.handleUpgrade(request as IncomingMessage, socket, head, (opened) => {
        open = opened
        void this.#welcome(opened, rights)
      })
    }
    const close = (code: number, reason: string) => (open ? open.close(code, reason) : socket.end())
    return { close: (code, reason) => void close(code, reason), closed }
  }

  /** Closes every viewer's socket with 4002 and lets go of the browser. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the live view was closed'))
    this.#changes[Symbol.dispose]()
    this.#steering.letGo()
    const deadline = this.#options.clock.monotonicMs() + CLOSE_WITHIN_MS
    this.#audience.close('ended')
    while (this.viewers > 0 && this.#options.clock.monotonicMs() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10))
    this.#letGoOfBrowser()
  }

  async #welcome(socket: WebSocket, rights: ViewerRights): Promise<void> {
    const { clock, log, control } = this.#options
    const viewer = new Viewer({
      ...{ ...rights, socket, clock, log },
      onMessage: (viewer, message) => this.#receive(viewer, message),
      onReady: ({ page }) => page?.capture.pump(),
      onCaughtUp: (viewer) => this.#tellEverything(viewer),
      onClose: (viewer) => this.#leave(viewer),
    })
    this.#audience.add(viewer, control.watch(viewer.holder))
    try {
      await this.#connect()
      if (!this.#audience.has(viewer)) return
      this.#turn(viewer, this.#browser?.active)
      this.#hello(viewer)
      if (viewer.page?.isHeld) this.#audience.tellHeld(viewer.page)
    } catch (error) {
      log.debug({ err: error }, 'live view has no browser')
      viewer.close(this.#closing.signal.aborted ? 'ended' : 'browserGone')
    }
  }

  #connect(): Promise<WatchedBrowser> {
    return (this.#opening ??= this.#openBrowser().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    }))
  }

  async #openBrowser(): Promise<WatchedBrowser> {
    const { endpoint, clock, log, earlier, maxPages = 100 } = this.#options
    const parts = {
      ...{ endpoint, clock, log, maxPages },
      nextSequence: () => ++this.#lastSequence,
      nextPageNumber: () => ++this.#lastPageNumber,
      onPages: () => this.#tellPagesSoon(),
      onClosed: (page: WatchedPage) => this.#forget(page),
      onDialog: (page: WatchedPage) => this.#tellDialog(page),
      onCrash: (page: WatchedPage) => this.#audience.tellCrash(page),
      onHeld: (page: WatchedPage) => this.#audience.tellHeld(page),
      onInputDropped: (page: WatchedPage) => this.#steering.inputDropped(page),
      onTooMany: () => this.#audience.tellTooMany(maxPages),
      ...(earlier && { earlier }),
    }
    const browser = await WatchedBrowser.open(parts, this.#closing.signal)
    this.#browser = browser
    browser.gone.addEventListener('abort', () => this.#lose(browser))
    if (browser.gone.aborted) this.#lose(browser)
    this.#letGoWhenUnwatched()
    return browser
  }

  /** The browser died, or closed its side. */
  #lose(browser: WatchedBrowser): void {
    if (this.#browser !== browser) return
    this.#letGoOfBrowser()
    this.#audience.close('browserGone')
  }

  #letGoOfBrowser(): void {
    const browser = this.#browser
    this.#browser = undefined
    this.#opening = undefined
    clearTimeout(this.#listing)
    this.#listing = undefined
    browser?.[Symbol.dispose]()
  }

  /** Chromium closes a dialog, as dismissed, when a client that could have answered it goes away. */
  #letGoWhenUnwatched(): void {
    if (this.viewers === 0 && this.#browser && !this.#browser.hasDialog) this.#letGoOfBrowser()
  }

  #leave(viewer: Viewer): void {
    const presence = this.#audience.remove(viewer)
    if (!presence) return
    this.#steering.leave(viewer)
    viewer.page?.hide(viewer)
    presence[Symbol.dispose]()
    this.#letGoWhenUnwatched()
  }

  #receive(viewer: Viewer, message: ClientMessage): void {
    if (!this.#browser) return
    switch (message.type) {
      case 'ack':
        return viewer.acknowledge(message.sequence)
      case 'quality':
        viewer.ask(message)
        viewer.page?.capture.requalify()
        return viewer.page?.capture.pump()
      case 'pause':
        viewer.pause(message.paused)
        return viewer.page?.capture.pump()
      default:
        this.#noteActivity(viewer)
        return this.#act(viewer, message)
    }
  }

  #act(
    viewer: Viewer,
    message: Exclude<ClientMessage, { type: 'ack' | 'quality' | 'pause' }>,
  ): void {
    switch (message.type) {
      case 'select':
        return this.#select(viewer, message.page)
      case 'control':
        return this.#steering.control(viewer, message)
      case 'dialog':
        return void this.#steering.answerDialog(viewer, message)
      default:
        return this.#steering.input(viewer, message)
    }
  }

  #select(viewer: Viewer, number: number | null): void {
    const page = number === null ? this.#browser?.active : this.#browser?.byNumber(number)
    if (number !== null && !page) return viewer.notice('page.none', `No page ${number} is open.`)
    viewer.pinned = number !== null
    this.#turn(viewer, page)
    if (page?.isHeld) this.#audience.tellHeld(page)
    if (page && viewer.mayControl && this.#options.control.mayDrive(viewer.holder))
      void page.activate()
    else if (page && page !== this.#browser?.active)
      viewer.notice('page.behind', 'The page may be behind another, where it is not painted.')
    this.#tellPages(viewer)
  }

  #turn(viewer: Viewer, page: WatchedPage | undefined): void {
    if (viewer.page === page) return
    this.#steering.leave(viewer)
    viewer.page?.hide(viewer)
    viewer.page = page
    void page?.show(viewer, () => viewer.page === page && viewer.open)
  }

  #forget(page: WatchedPage): void {
    for (const viewer of this.#audience) {
      if (viewer.page !== page) continue
      viewer.pinned = false
      this.#turn(viewer, this.#browser?.active)
    }
    this.#letGoWhenUnwatched()
  }

  #tellPagesSoon(): void {
    if (!this.#browser) return
    for (const viewer of this.#audience)
      if (!viewer.pinned) this.#turn(viewer, this.#browser.active)
    this.#listing ??= setTimeout(() => {
      this.#listing = undefined
      for (const viewer of this.#audience) this.#tellPages(viewer)
    }, LIST_EVERY_MS).unref()
  }

  #tellPages(viewer: Viewer): void {
    const pages = this.#browser?.list ?? []
    viewer.tell({ type: 'pages', pages, watching: viewer.page?.number ?? null })
  }

  #tellDialog(page: WatchedPage): void {
    this.#audience.tellDialog(page)
    this.#letGoWhenUnwatched()
  }

  #tellControl(change: ControlChange): void {
    this.#steering.reconsider()
    if (this.viewers === 0) return
    this.#audience.tell({ type: 'control', change, state: this.#options.control.state })
  }

  #tellEverything(viewer: Viewer): void {
    this.#tellPages(viewer)
    viewer.tell({ type: 'control', state: this.#options.control.state })
  }

  #hello(viewer: Viewer): void {
    const { holder, mayControl, mayForce, page } = viewer
    viewer.tell({
      type: 'hello',
      version: PROTOCOL_VERSION,
      you: { holder, mayControl, mayForce },
      control: this.#options.control.state,
      pages: this.#browser?.list ?? [],
      watching: page?.number ?? null,
      limits: limitsFor(FRAMES_IN_FLIGHT),
    })
  }

  /** Who only looks on does not keep a session open. */
  #noteActivity({ mayControl, holder }: Viewer): void {
    if (!mayControl || !this.#options.control.mayDrive(holder)) return
    const now = this.#options.clock.monotonicMs()
    if (now - this.#activeAtMs < ACTIVITY_EVERY_MS) return
    this.#activeAtMs = now
    this.#options.onActivity()
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
