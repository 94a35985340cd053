import { BUTTON_BITS, type Command, Held } from './held.ts'
import { keyEvent } from './keys.ts'
import type { InputMessage, MouseMessage, TouchMessage } from './protocol.ts'

export interface PageInputParts {
  /** Of the page's own DevTools session. @throws when the page does not answer in time, or is gone */
  send(command: Command): Promise<unknown>
  /** Input was dropped, since the page does not keep up. */
  onDropped(): void
}

const MAX_QUEUED = 64

/**
 * Brings the input of whoever drives to one page, one event after the other. What a page is too slow for is joined (moves, wheel
 * steps); when it does not answer at all, everything that waits is dropped.
 */
export class PageInput {
  readonly #parts: PageInputParts
  readonly #held = new Held()
  #queue: InputMessage[] = []
  #running = false
  /** Ends the wait for the present event. */
  #abandon: (() => void) | undefined

  constructor(parts: PageInputParts) {
    this.#parts = parts
  }

  add(message: InputMessage): void {
    const last = this.#queue.at(-1)
    const joined = last && join(last, message)
    if (joined) this.#queue[this.#queue.length - 1] = joined
    else if (this.#queue.length >= MAX_QUEUED) return this.#giveUp()
    else this.#queue.push(message)
    if (!this.#running) void this.#run()
  }

  /** Drops what waits and lets go of what is held down. */
  release(): void {
    this.#queue = []
    this.#abandon?.()
    // A page that does not take it now takes it when it goes on.
    for (const command of this.#held.release()) this.#parts.send(command).catch(() => {})
  }

  /** A dialog holds the page: the event that opened it is answered only after the dialog, and nothing else is wanted. */
  interrupt(): void {
    this.#queue = []
    this.#abandon?.()
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const command = this.#commandFor(next)
      const abandoned = new Promise<void>((resolve) => (this.#abandon = resolve))
      const sent = this.#parts.send(command)
      const failed = await Promise.race([
        sent.then(() => false),
        abandoned.then(() => false),
      ]).catch(() => true)
      sent.catch(() => {})
      if (failed) this.#giveUp()
    }
    this.#running = false
  }

  /** Notes what is held down after the message, too. */
  #commandFor(message: InputMessage): Command {
    if (message.type === 'touch') {
      const params = touchEvent(message, this.#held.liftedBy(message))
      this.#held.note(message)
      return { method: 'Input.dispatchTouchEvent', params }
    }
    this.#held.note(message)
    const { buttons } = this.#held
    return message.type === 'mouse'
      ? { method: 'Input.dispatchMouseEvent', params: mouseEvent(message, buttons) }
      : commandFor(message, buttons)
  }

  #giveUp(): void {
    this.release()
    this.#parts.onDropped()
  }
}

/** One event for two, where nobody could tell them from one that came later. */
function join(last: InputMessage, next: InputMessage): InputMessage | undefined {
  if (last.type === 'mouse' && next.type === 'mouse') {
    return last.action === 'move' && next.action === 'move' ? next : undefined
  }
  if (last.type === 'wheel' && next.type === 'wheel') {
    const { dx, dy } = last
    return last.modifiers === next.modifiers
      ? { ...next, dx: bounded(dx + next.dx), dy: bounded(dy + next.dy) }
      : undefined
  }
  if (last.type === 'touch' && next.type === 'touch') {
    const same = last.action === 'move' && next.action === 'move'
    return same && last.points.length === next.points.length ? next : undefined
  }
  return undefined
}

function bounded(delta: number): number {
  return Math.min(Math.max(delta, -10_000), 10_000)
}

type Pointer = 'mouse' | 'touch'

function commandFor(message: Exclude<InputMessage, { type: Pointer }>, buttons: number): Command {
  switch (message.type) {
    case 'wheel': {
      const { x, y, dx, dy, modifiers } = message
      const params = { type: 'mouseWheel', x, y, deltaX: dx, deltaY: dy, modifiers, buttons }
      return { method: 'Input.dispatchMouseEvent', params }
    }
    case 'key':
      return { method: 'Input.dispatchKeyEvent', params: keyEvent(message) }
    case 'compose': {
      const { text, selectionStart = text.length, selectionEnd = text.length } = message
      return { method: 'Input.imeSetComposition', params: { text, selectionStart, selectionEnd } }
    }
    case 'commit':
    case 'paste':
      return { method: 'Input.insertText', params: { text: message.text } }
  }
}

function mouseEvent(message: MouseMessage, buttons: number): Record<string, unknown> {
  const { action, x, y, button, clicks, modifiers } = message
  if (action === 'move') {
    const dragged = (['left', 'middle', 'right'] as const).find(
      (each) => buttons & BUTTON_BITS[each],
    )
    return { type: 'mouseMoved', x, y, button: dragged ?? 'none', buttons, modifiers }
  }
  const type = action === 'down' ? 'mousePressed' : 'mouseReleased'
  return { type, x, y, button, buttons, clickCount: clicks, modifiers }
}

/** At the end of a touch the protocol wants the fingers that were lifted, or none for all of them. */
function touchEvent(
  { action, points, modifiers }: TouchMessage,
  lifted: TouchMessage['points'],
): Record<string, unknown> {
  if (action === 'cancel') return { type: 'touchCancel', touchPoints: [], modifiers }
  if (points.length === 0) return { type: 'touchEnd', touchPoints: [], modifiers }
  if (action === 'end' && lifted.length > 0)
    return { type: 'touchEnd', touchPoints: lifted, modifiers }
  return { type: action === 'start' ? 'touchStart' : 'touchMove', touchPoints: points, modifiers }
}
