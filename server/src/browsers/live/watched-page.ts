import type { Logger } from '#kernel/log.ts'
import type { Clock } from '#kernel/clock.ts'
import type { CdpSocket } from '../driver/cdp.ts'
import { showAnew } from '../driver/show-anew.ts'
import { type Audience, Capture } from './capture.ts'
import type { EarlierDialogs } from './earlier-dialogs.ts'
import type { ScreencastFrame } from './frame.ts'
import { PageDialog } from './page-dialog.ts'
import { PageInput } from './page-input.ts'
import { pagesByUse } from './pages-by-use.ts'
import type { Dialog, LivePage } from './protocol.ts'

const CALL_DEADLINE_MS = 5_000
const MAX_URL = 2_048
const MAX_TITLE = 300

export interface WatchedPageParts {
  endpoint: string
  cdp: CdpSocket
  clock: Clock
  log: Logger
  nextSequence(): number
  /** URL, title, life or visibility have changed. */
  onChange(page: WatchedPage): void
  onDialog(page: WatchedPage): void
  onCrash(page: WatchedPage): void
  /** It does not answer: it is busy, or somebody else has to answer a dialog that nobody here knows. */
  onHeld(page: WatchedPage): void
  onInputDropped(page: WatchedPage): void
  earlier?: EarlierDialogs
}

/** One page of the browser. Chromium is asked for nothing of it until somebody watches it. */
export class WatchedPage {
  readonly targetId: string
  readonly number: number
  readonly capture: Capture
  readonly input: PageInput
  /** Of the page's own DevTools session. */
  sessionId: string | undefined
  url = ''
  title = ''
  crashed = false
  /** Chromium paints it: it is in front of its window. Known only while it is watched. */
  visible = true
  readonly #parts: WatchedPageParts
  #attaching: Promise<void> | undefined
  /** Aborted when the page's DevTools session is over. */
  #attached = new AbortController()
  readonly #dialog: PageDialog

  constructor(targetId: string, number: number, parts: WatchedPageParts) {
    this.targetId = targetId
    this.number = number
    this.#parts = parts
    const { clock, nextSequence } = parts
    const send = (method: string, params: object) => this.#ask(method, params)
    this.capture = new Capture({ page: number, clock, nextSequence, send })
    this.input = new PageInput({
      send: ({ method, params }) => this.#call(method, params),
      onDropped: () => parts.onInputDropped(this),
    })
    this.#dialog = this.#dialogOf(parts)
  }

  describe(active: boolean): LivePage {
    const { number: page, url, title, crashed, dialog } = this
    return { page, url, title, active, crashed, ...(dialog && { dialog }) }
  }

  /** Whether anything that is shown to viewers is another now. */
  rename(url: string, title: string): boolean {
    const [shortUrl, shortTitle] = [url.slice(0, MAX_URL), title.slice(0, MAX_TITLE)]
    if (this.url === shortUrl && this.title === shortTitle) return false
    this.url = shortUrl
    this.title = shortTitle
    return true
  }

  /** Shows the page to a viewer from now on. */
  async show(viewer: Audience, stillWanted: () => boolean): Promise<void> {
    this.#attaching ??= this.#attach()
    await this.#attaching
    if (stillWanted() && this.sessionId) this.capture.join(viewer)
  }

  hide(viewer: Audience): void {
    this.capture.leave(viewer)
    // Chromium tells of it only to a screencast, and at its start.
    if (!this.capture.watched) this.visible = true
  }

  /** Brings the page to the front, where it is painted and takes input, and where commands act on it. */
  async activate(): Promise<void> {
    const { cdp, endpoint, log } = this.#parts
    const { targetId } = this
    const signal = AbortSignal.timeout(CALL_DEADLINE_MS)
    try {
      await cdp.send('Target.activateTarget', { targetId }, { signal })
      const [front] = await pagesByUse(endpoint, signal, log)
      if (front && front.id !== targetId) await showAnew(cdp, targetId, signal)
    } catch (error) {
      log.debug({ err: error }, 'page not brought to front')
    }
  }

  get dialog(): Dialog | undefined {
    return this.#dialog.open
  }

  get isHeld(): boolean {
    return this.#dialog.isHeld
  }

  /** False when there is no dialog, or no longer. */
  answerDialog(accept: boolean, promptText: string | undefined): Promise<boolean> {
    return this.#dialog.answer(accept, promptText)
  }

  crash(): void {
    this.crashed = true
    this.input.interrupt()
    this.#parts.onCrash(this)
    this.#parts.onChange(this)
  }

  /** The page's DevTools session is over. */
  detach(): void {
    this.#attached.abort()
    this.sessionId = undefined
    this.#attaching = undefined
    this.capture.stop()
    this.input.release()
  }

  take(method: string, params: Record<string, unknown>): void {
    switch (method) {
      case 'Page.screencastFrame':
        return this.capture.take(params as unknown as ScreencastFrame)
      case 'Page.screencastVisibilityChanged':
        if (this.visible === params.visible) return
        this.visible = params.visible === true
        return this.#parts.onChange(this)
      case 'Page.javascriptDialogOpening':
        return this.#dialog.opened(params)
      case 'Page.javascriptDialogClosed':
        return this.#dialog.closed()
      case 'Page.loadEventFired':
        return this.#parts.onChange(this)
      case 'Page.frameNavigated':
        if (this.crashed && (params.frame as { id: string }).id === this.targetId) this.#revive()
    }
  }

  #dialogOf({ log, earlier, onDialog, onHeld }: WatchedPageParts): PageDialog {
    return new PageDialog({
      ...{ targetId: this.targetId, log, ...(earlier && { earlier }) },
      call: (method, params) => this.#call(method, params),
      enable: () => this.#call('Page.enable', {}, this.#attached.signal),
      onHeld: () => {
        if (this.sessionId) onHeld(this)
      },
      onOpen: () => {
        this.input.interrupt()
        onDialog(this)
      },
      onClose: () => {
        // Keys and buttons that came up meanwhile were not taken.
        this.input.release()
        onDialog(this)
      },
    })
  }

  #revive(): void {
    this.crashed = false
    this.capture.restart()
    this.#parts.onChange(this)
  }

  async #attach(): Promise<void> {
    const { cdp, log } = this.#parts
    const options = { targetId: this.targetId, flatten: true }
    const signal = AbortSignal.timeout(CALL_DEADLINE_MS)
    try {
      const attached = await cdp.send<{ sessionId: string }>('Target.attachToTarget', options, {
        signal,
      })
      this.sessionId = attached.sessionId
      this.#attached = new AbortController()
      void this.#dialog.listen()
    } catch (error) {
      this.#attaching = undefined
      log.debug({ err: error }, 'page not attached')
    }
  }

  async #call(
    method: string,
    params: object,
    signal = AbortSignal.timeout(CALL_DEADLINE_MS),
  ): Promise<unknown> {
    const { sessionId } = this
    if (!sessionId) throw new Error('the page is not attached')
    return this.#parts.cdp.send(method, params, { sessionId, signal })
  }

  /** For what goes wrong only when the page goes away, or is told of otherwise. */
  async #ask(method: string, params: object): Promise<void> {
    try {
      await this.#call(method, params)
    } catch (error) {
      this.#parts.log.debug({ err: error, method }, 'page did not answer')
    }
  }
}
