import type { Problem } from '#kernel/problem.ts'
import { problems } from '../problems.ts'
import type { OpenDialog } from './commands.ts'

export interface TargetInfo {
  targetId: string
  type: string
  /** Set for pages that nobody sees yet, such as a prerendered one. */
  subtype?: string
  url: string
  title: string
  browserContextId?: string
}

/** What a page looked like when it last answered. */
export interface View {
  viewport: { width: number; height: number }
  scroll: { x: number; y: number }
}

type Listener = (trouble: Problem) => void

/** One page of the browser, as its DevTools events tell of it. */
export class Tab {
  /** The target id, which is also the id of the main frame. */
  readonly id: string
  readonly sessionId: string
  url: string
  /** A document was asked for and has not come; Chromium holds back every command to the page until then. */
  navigating = false
  loading = false
  /** Where a command has last led it. */
  lastAsked = ''
  view: View | undefined
  #dialog: OpenDialog | undefined
  #crash: string | undefined
  readonly #listeners = new Set<Listener>()
  readonly #gone = Promise.withResolvers<void>()
  #isGone = false

  constructor({ targetId, url }: TargetInfo, sessionId: string) {
    this.id = targetId
    this.url = url
    this.sessionId = sessionId
  }

  get dialog(): OpenDialog | undefined {
    return this.#dialog
  }

  get crashed(): boolean {
    return this.#crash !== undefined
  }

  /** What keeps the page from answering a command, if anything is known to. */
  get trouble(): Problem | undefined {
    if (this.#crash) return problems.pageCrashed({ url: this.url, reason: this.#crash })
    return this.#dialog && problems.dialogOpen({ ...this.#dialog })
  }

  /** It was answered; the news of that, and of the next one, may come before and after. */
  forgetDialog(answered: OpenDialog): void {
    if (this.#dialog === answered) this.#dialog = undefined
  }

  /** Tells of a dialog or a crash from now on. */
  onTrouble(listener: Listener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Settles when the tab is open no more. */
  get whenGone(): Promise<void> {
    return this.#gone.promise
  }

  get isGone(): boolean {
    return this.#isGone
  }

  leave(): void {
    this.#isGone = true
    this.#gone.resolve()
  }

  crash(reason: string): void {
    this.#crash = reason
    this.#tell()
  }

  take(method: string, params: Record<string, unknown>): void {
    switch (method) {
      case 'Page.javascriptDialogOpening':
        this.#dialog = { type: params.type, message: params.message } as OpenDialog
        return this.#tell()
      case 'Page.javascriptDialogClosed':
        this.#dialog = undefined
        return
      case 'Inspector.targetReloadedAfterCrash':
        this.#crash = undefined
        return
      case 'Page.frameNavigated':
        if ((params.frame as { id: string }).id === this.id) this.navigating = false
        return
      default:
        if (params.frameId === this.id) this.#takeLoading(method, params)
    }
  }

  #takeLoading(method: string, { navigationType }: Record<string, unknown>): void {
    if (method === 'Page.frameStartedNavigating') {
      this.navigating = !/^(?:sameDocument|history[Ss]ameDocument)/.test(String(navigationType))
    } else if (method === 'Page.frameStartedLoading') {
      this.loading = true
    } else if (method === 'Page.frameStoppedLoading') {
      this.loading = false
      this.navigating = false
    }
  }

  #tell(): void {
    const { trouble } = this
    if (trouble) for (const listener of [...this.#listeners]) listener(trouble)
  }
}
