import type { Logger } from '#kernel/log.ts'
import type { EarlierDialogs } from './earlier-dialogs.ts'
import type { Dialog } from './protocol.ts'

const MAX_TEXT = 2_000
/** A page that has not answered by then may be held by a dialog. */
const HELD_AFTER_MS = 300
/** By then a page that is just busy has answered, as a rule. */
const TOLD_AFTER_MS = 5_000

export interface PageDialogParts {
  targetId: string
  log: Logger
  /** Has Chromium tell of dialogs; answered once none holds the page, however long that takes. */
  enable(): Promise<unknown>
  /** Sends a command to the page. */
  call(method: string, params: object): Promise<unknown>
  onOpen(): void
  onClose(): void
  /** The page does not answer, and nobody here knows of a dialog that would be why. */
  onHeld(): void
  earlier?: EarlierDialogs
}

/** The dialog that holds one page, if one does: one that Chromium told of, or one that was open before anybody listened here. */
export class PageDialog {
  open: Dialog | undefined
  /** The page has not answered since somebody listens, and no dialog is known. */
  isHeld = false
  readonly #parts: PageDialogParts
  /** Somebody else has to answer it, who was there as it opened. */
  #isEarlier = false
  /** Nothing that was open before the page was attached holds it any more. */
  #wentOn = false

  constructor(parts: PageDialogParts) {
    this.#parts = parts
  }

  /** Listens from now on. Chromium does not answer this while a dialog holds the page, so nobody waits for it. */
  async listen(): Promise<void> {
    this.#wentOn = false
    this.isHeld = false
    const silent = setTimeout(() => void this.#findEarlier(), HELD_AFTER_MS).unref()
    const held = setTimeout(() => this.#tellHeld(), TOLD_AFTER_MS).unref()
    try {
      await this.#parts.enable()
      this.#wentOn = true
      this.isHeld = false
      // What was found a moment ago has been closed meanwhile.
      if (this.#isEarlier) this.closed()
    } catch (error) {
      this.#parts.log.debug({ err: error }, 'page does not answer')
    } finally {
      clearTimeout(silent)
      clearTimeout(held)
    }
  }

  opened({ type, message, defaultPrompt }: Record<string, unknown>): void {
    const text = defaultPrompt ? { text: String(defaultPrompt) } : {}
    this.#isEarlier = false
    this.#show({ type: String(type), message: String(message), ...text })
  }

  closed(): void {
    this.#wentOn = true
    this.#isEarlier = false
    this.open = undefined
    this.#parts.onClose()
  }

  /** False when there is no dialog, or no longer. */
  async answer(accept: boolean, promptText: string | undefined): Promise<boolean> {
    const { call, earlier, log } = this.#parts
    try {
      if (this.#isEarlier && earlier) {
        const isAnswered = await earlier.answer(accept, promptText)
        // Chromium tells of its end only where it has answered `Page.enable`, which it may not have by now.
        if (isAnswered && this.#isEarlier) this.closed()
        return isAnswered
      }
      await call('Page.handleJavaScriptDialog', { accept, promptText })
      return true
    } catch (error) {
      log.debug({ err: error }, 'dialog not answered')
      return false
    }
  }

  async #findEarlier(): Promise<void> {
    const { earlier, log, targetId } = this.#parts
    const found = await earlier?.look(targetId).catch((error: unknown) => {
      log.debug({ err: error }, 'what holds the page is not known')
    })
    if (!found || this.open || this.#wentOn) return
    this.#isEarlier = true
    this.#show(found)
  }

  #tellHeld(): void {
    this.isHeld = !this.open && !this.#wentOn
    if (this.isHeld) this.#parts.onHeld()
  }

  #show({ type, message, text }: Dialog): void {
    const shown = { type, message: message.slice(0, MAX_TEXT) }
    this.open = text === undefined ? shown : { ...shown, text: text.slice(0, MAX_TEXT) }
    this.#parts.onOpen()
  }
}
