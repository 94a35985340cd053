import type { ControlLease } from '../control/lease.ts'
import type { ClientMessage, ControlMessage, InputMessage } from './protocol.ts'
import type { Viewer } from './viewer.ts'
import type { WatchedPage } from './watched-page.ts'

/** What a viewer may do with the browser besides watching it, and only as the holder of control. */
export class Steering {
  readonly #control: ControlLease
  /** Whose hands are on which page: what they hold down there is let go when they leave. */
  #hands: { viewer: Viewer; page: WatchedPage } | undefined

  constructor(control: ControlLease) {
    this.#control = control
  }

  input(viewer: Viewer, message: InputMessage): void {
    const page = this.#pageFor(viewer)
    if (!page) return
    if (page.dialog)
      return viewer.notice('dialog.open', 'Answer the dialog first: it holds the page.')
    if (!page.visible)
      return viewer.notice(
        'page.behind',
        'The page is behind another: select it to bring it to the front.',
      )
    if (this.#hands?.viewer !== viewer || this.#hands.page !== page) this.letGo()
    this.#hands = { viewer, page }
    page.input.add(message)
  }

  async answerDialog(
    viewer: Viewer,
    { accept, text }: Extract<ClientMessage, { type: 'dialog' }>,
  ): Promise<void> {
    const page = this.#pageFor(viewer)
    if (!page) return
    if (!page.dialog || !(await page.answerDialog(accept, text)))
      viewer.notice('dialog.none', 'No dialog is open on the page that you watch.')
  }

  control(viewer: Viewer, { action, seconds, reason, force }: ControlMessage): void {
    if (!viewer.mayControl)
      return viewer.notice('control.not_allowed', 'You may watch this session, not drive it.')
    const { holder } = viewer
    if (action === 'return') return void this.#control.return(holder, reason)
    if (action === 'renew') {
      if (!this.#control.renew(holder, seconds)) this.#explain(viewer)
      return
    }
    if (force && !viewer.mayForce)
      return viewer.notice(
        'control.not_allowed',
        'You may ask for control, not take it from somebody.',
      )
    if (this.#control.request(holder, { seconds, reason, force }) === 'full')
      viewer.notice('control.queue_full', 'Too many wait for control already; ask again later.')
  }

  /** After a change of who holds control. */
  reconsider(): void {
    if (this.#hands && !this.#control.holds(this.#hands.viewer.holder)) this.letGo()
  }

  /** The viewer has closed its socket or turned to another page. */
  leave(viewer: Viewer): void {
    if (this.#hands?.viewer === viewer) this.letGo()
  }

  letGo(): void {
    this.#hands?.page.input.release()
    this.#hands = undefined
  }

  inputDropped(page: WatchedPage): void {
    if (this.#hands?.page !== page) return
    this.#hands.viewer.notice('page.busy', 'The page does not keep up; input was dropped.')
  }

  #pageFor(viewer: Viewer): WatchedPage | undefined {
    if (!viewer.mayControl) {
      viewer.notice('control.not_allowed', 'You may watch this session, not drive it.')
    } else if (!this.#control.holds(viewer.holder)) {
      this.#explain(viewer)
    } else if (!viewer.page) {
      viewer.notice('page.none', 'No page is open.')
    } else if (viewer.page.crashed) {
      viewer.notice('page.crashed', 'The page has crashed: navigate again, or close it.')
    } else {
      return viewer.page
    }
    return undefined
  }

  #explain(viewer: Viewer): void {
    const { holder } = this.#control.state
    if (!holder) return viewer.notice('control.needed', 'Take control first.')
    const who = holder.name ?? `a ${holder.kind}`
    viewer.notice(
      'control.held',
      `Control is held by ${who}: ask for it, and wait until it is returned.`,
    )
  }
}
