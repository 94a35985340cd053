import { keyEvent } from './keys.ts'
import type { InputMessage, KeyMessage, MouseMessage, TouchMessage } from './protocol.ts'

/** A DevTools command. */
export interface Command {
  method: string
  params: Record<string, unknown>
}

export const BUTTON_BITS = { left: 1, right: 2, middle: 4, back: 8, forward: 16 } as const
const MAX_HELD_KEYS = 32

/** What hands hold down in a page: keys, buttons, fingers. */
export class Held {
  readonly #keys = new Map<string, KeyMessage>()
  readonly #buttons = new Map<MouseMessage['button'], MouseMessage>()
  #fingers: TouchMessage['points'] = []

  /** The buttons that are down, as the sum of their bits. */
  get buttons(): number {
    return [...this.#buttons.keys()].reduce((sum, button) => sum | BUTTON_BITS[button], 0)
  }

  /** The fingers that this lifts from the glass. */
  liftedBy({ points }: TouchMessage): TouchMessage['points'] {
    return this.#fingers.filter(({ id }) => !points.some((point) => point.id === id))
  }

  /** To be told of each message before its command is made. */
  note(message: InputMessage): void {
    if (message.type === 'touch') this.#fingers = message.action === 'cancel' ? [] : message.points
    if (message.type === 'key') this.#noteKey(message)
    if (message.type !== 'mouse') return
    if (message.action === 'down') this.#buttons.set(message.button, message)
    if (message.action === 'up') this.#buttons.delete(message.button)
    for (const [button, down] of this.#buttons)
      this.#buttons.set(button, { ...down, x: message.x, y: message.y })
  }

  /** The commands that let everything go, which counts as done then. */
  release(): Command[] {
    const keys = [...this.#keys.values()].reverse()
    const commands = keys.map((key) => ({
      method: 'Input.dispatchKeyEvent',
      params: keyEvent({ ...key, action: 'up', modifiers: 0 }),
    }))
    const mouse = [...this.#buttons.values()].map(({ x, y, button }) => ({
      method: 'Input.dispatchMouseEvent',
      params: { type: 'mouseReleased', x, y, button, buttons: 0, clickCount: 1, modifiers: 0 },
    }))
    const touch =
      this.#fingers.length > 0
        ? [{ method: 'Input.dispatchTouchEvent', params: { type: 'touchCancel', touchPoints: [] } }]
        : []
    this.#keys.clear()
    this.#buttons.clear()
    this.#fingers = []
    return [...commands, ...mouse, ...touch]
  }

  #noteKey(message: KeyMessage): void {
    const name = message.code || message.key
    if (message.action === 'up') this.#keys.delete(name)
    else if (this.#keys.size < MAX_HELD_KEYS) this.#keys.set(name, message)
  }
}
