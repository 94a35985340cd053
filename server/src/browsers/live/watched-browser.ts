import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { CdpSocket } from '../driver/cdp.ts'
import type { EarlierDialogs } from './earlier-dialogs.ts'
import type { LivePage } from './protocol.ts'
import { pagesByUse, type UsedPage } from './pages-by-use.ts'
import { WatchedPage, type WatchedPageParts } from './watched-page.ts'

const PAGES_ONLY = [{ type: 'page' }, { exclude: true }]
const OPEN_DEADLINE_MS = 10_000
/** Chromium does not tell of every new title, nor which of two pages in windows of their own was used last. */
const LOOK_EVERY_MS = 1_000

interface TargetInfo {
  targetId: string
  subtype?: string
  url: string
  title: string
}

export interface WatchedBrowserParts {
  endpoint: string
  maxPages: number
  clock: Clock
  log: Logger
  nextSequence(): number
  nextPageNumber(): number
  /** Another page is in front, or the list of pages shows something else now. */
  onPages(): void
  onClosed(page: WatchedPage): void
  onDialog(page: WatchedPage): void
  onCrash(page: WatchedPage): void
  onHeld(page: WatchedPage): void
  onInputDropped(page: WatchedPage): void
  /** More pages are open than are shown; told once. */
  onTooMany(): void
  earlier?: EarlierDialogs
}

/** The pages of one browser and which of them is in front, for as long as somebody watches. */
export class WatchedBrowser implements Disposable {
  readonly #parts: WatchedBrowserParts
  readonly #cdp: CdpSocket
  readonly #pageParts: WatchedPageParts
  readonly #pages = new Map<string, WatchedPage>()
  /** Target ids of all pages, listed or not. */
  readonly #open = new Set<string>()
  readonly #poll: NodeJS.Timeout
  #active: WatchedPage | undefined
  #looking: Promise<void> | undefined
  #lookAgain = false
  #overflowed = false

  private constructor(cdp: CdpSocket, parts: WatchedBrowserParts) {
    this.#cdp = cdp
    this.#parts = parts
    const onChange = () => {
      parts.onPages()
      this.#look()
    }
    this.#pageParts = { ...parts, cdp, onChange }
    cdp.onEvent = (method, params, sessionId) => this.#take(method, params, sessionId)
    this.#poll = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  /** @throws CdpClosed when there is no browser, or the reason of `closing` */
  static async open(parts: WatchedBrowserParts, closing: AbortSignal): Promise<WatchedBrowser> {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(OPEN_DEADLINE_MS)])
    const cdp = await CdpSocket.open(parts.endpoint, signal)
    const browser = new WatchedBrowser(cdp, parts)
    try {
      const discovery = { discover: true, filter: PAGES_ONLY }
      await cdp.send('Target.setDiscoverTargets', discovery, { signal })
      browser.#look()
      await browser.#looking
      return browser
    } catch (error) {
      browser[Symbol.dispose]()
      throw error
    }
  }

  get gone(): AbortSignal {
    return this.#cdp.gone
  }

  /** The page in front. */
  get active(): WatchedPage | undefined {
    return this.#active
  }

  get hasDialog(): boolean {
    return [...this.#pages.values()].some(({ dialog }) => dialog)
  }

  get list(): LivePage[] {
    return [...this.#pages.values()].map((page) => page.describe(page === this.#active))
  }

  byNumber(number: number): WatchedPage | undefined {
    return [...this.#pages.values()].find((page) => page.number === number)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#poll)
    this.#cdp[Symbol.dispose]()
  }

  #take(method: string, params: Record<string, unknown>, sessionId: string | undefined): void {
    if (sessionId) return this.#bySession(sessionId)?.take(method, params)
    const target = params.targetInfo as TargetInfo
    switch (method) {
      case 'Target.targetCreated':
        return this.#add(target)
      case 'Target.targetInfoChanged':
        return this.#rename(target.targetId, target.url, target.title)
      case 'Target.targetDestroyed':
        return this.#remove(String(params.targetId))
      case 'Target.targetCrashed':
        return this.#pages.get(String(params.targetId))?.crash()
      case 'Target.detachedFromTarget':
        return this.#bySession(String(params.sessionId))?.detach()
    }
  }

  #bySession(sessionId: string): WatchedPage | undefined {
    for (const page of this.#pages.values()) if (page.sessionId === sessionId) return page
    return undefined
  }

  #add({ targetId, subtype, url, title }: TargetInfo): void {
    if (subtype || this.#open.has(targetId)) return
    this.#open.add(targetId)
    if (this.#pages.size >= this.#parts.maxPages) this.#overflow()
    else this.#list(targetId, url, title)
    this.#look()
  }

  #list(targetId: string, url: string, title: string): WatchedPage {
    const page = new WatchedPage(targetId, this.#parts.nextPageNumber(), this.#pageParts)
    page.rename(url, title)
    this.#pages.set(targetId, page)
    this.#parts.onPages()
    return page
  }

  #rename(targetId: string, url: string, title: string): void {
    if (this.#pages.get(targetId)?.rename(url, title)) this.#parts.onPages()
  }

  #overflow(): void {
    if (this.#overflowed) return
    this.#overflowed = true
    this.#parts.onTooMany()
  }

  #remove(targetId: string): void {
    this.#open.delete(targetId)
    const page = this.#pages.get(targetId)
    if (!page) return
    this.#pages.delete(targetId)
    page.detach()
    if (this.#active === page) this.#active = undefined
    this.#parts.onClosed(page)
    this.#parts.onPages()
    this.#look()
  }

  /** Finds the page in front; requests during a look lead to one more. */
  #look(): void {
    this.#lookAgain = true
    this.#looking ??= this.#lookUntilSure().finally(() => (this.#looking = undefined))
  }

  async #lookUntilSure(): Promise<void> {
    while (this.#lookAgain && !this.gone.aborted) {
      this.#lookAgain = false
      const found = await pagesByUse(this.#parts.endpoint, this.gone, this.#parts.log)
      // Others were closed since, which is told once.
      const used = found.filter(({ id }) => this.#open.has(id))
      for (const { id, url, title } of used) this.#rename(id, url, title)
      if (this.#overflowed) this.#fill(used)
      const [front] = this.#overflowed ? used : used.filter(({ id }) => this.#pages.has(id))
      const active = front && (this.#pages.get(front.id) ?? this.#makeRoom(front))
      const next = active ?? this.#active ?? [...this.#pages.values()].at(-1)
      if (next === this.#active) continue
      this.#active = next
      this.#parts.onPages()
    }
  }

  /** Lists those for which there was no room before. */
  #fill(used: readonly UsedPage[]): void {
    const unlisted = used.filter(({ id }) => !this.#pages.has(id))
    const room = Math.max(this.#parts.maxPages - this.#pages.size, 0)
    for (const { id, url, title } of unlisted.slice(0, room)) this.#list(id, url, title)
    this.#overflowed = this.#open.size > this.#pages.size
  }

  /** Lists the page in front although the list is full: instead of the oldest that nobody watches. */
  #makeRoom({ id, url, title }: UsedPage): WatchedPage {
    const idle = [...this.#pages.values()].find(
      ({ capture, dialog }) => !capture.watched && !dialog,
    )
    if (idle && this.#pages.size >= this.#parts.maxPages) this.#pages.delete(idle.targetId)
    return this.#list(id, url, title)
  }
}
