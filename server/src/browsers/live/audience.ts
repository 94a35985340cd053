import type { CloseReason, ServerMessage } from './protocol.ts'
import type { Viewer } from './viewer.ts'
import type { WatchedPage } from './watched-page.ts'

const CHECKS_PER_PATIENCE = 4

/** All who watch one session, and what is told to all of them. Who makes no progress for `patienceMs` is sent away. */
export class Audience {
  readonly #patienceMs: number
  /** Each with its presence at the lease of control. */
  readonly #viewers = new Map<Viewer, Disposable>()
  #checks: NodeJS.Timeout | undefined

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  get size(): number {
    return this.#viewers.size
  }

  [Symbol.iterator](): Iterator<Viewer> {
    return this.#viewers.keys()
  }

  has(viewer: Viewer): boolean {
    return this.#viewers.has(viewer)
  }

  add(viewer: Viewer, presence: Disposable): void {
    this.#viewers.set(viewer, presence)
    this.#checks ??= setInterval(() => {
      for (const viewer of this) viewer.check(this.#patienceMs)
    }, this.#patienceMs / CHECKS_PER_PATIENCE).unref()
  }

  /** Gives the presence of who leaves; undefined for one who has left already. */
  remove(viewer: Viewer): Disposable | undefined {
    const presence = this.#viewers.get(viewer)
    this.#viewers.delete(viewer)
    if (this.size > 0) return presence
    clearInterval(this.#checks)
    this.#checks = undefined
    return presence
  }

  close(reason: CloseReason): void {
    for (const viewer of this) viewer.close(reason)
  }

  tell(message: ServerMessage): void {
    for (const viewer of this) viewer.tell(message)
  }

  tellDialog({ number, dialog }: WatchedPage): void {
    this.tell({ type: 'dialog', page: number, dialog: dialog ?? null })
  }

  tellTooMany(shown: number): void {
    const message = `More than ${shown} pages are open; only so many are shown.`
    this.tell({ type: 'notice', code: 'pages.too_many', message })
  }

  tellCrash(page: WatchedPage): void {
    const message = 'The page has crashed; it is shown again once it is opened anew.'
    this.#tellOf(page, 'page.crashed', message)
  }

  tellHeld(page: WatchedPage): void {
    const message =
      'The page does not answer. It is busy, or a program has a dialog open that it has to answer itself.'
    this.#tellOf(page, 'page.held', message)
  }

  /** Only who looks at it is told. */
  #tellOf(page: WatchedPage, ...notice: Parameters<Viewer['notice']>): void {
    for (const viewer of this) if (viewer.page === page) viewer.notice(...notice)
  }
}
