import type { Logger } from '#kernel/log.ts'

/** Who drives a browser, or wants to: a signed-in person, or a program by its key or connection. */
export interface Holder {
  kind: 'person' | 'program'
  /** `usr_…`, `key_…`, `cdp_…`; the same id is the same holder, in however many windows or sockets. */
  id: string
  name?: string
}

export function sameHolder(one: Holder | undefined, other: Holder): boolean {
  return one?.kind === other.kind && one.id === other.id
}

/**
 * Why somebody no longer holds control: gave it back or handed it on, the time was over, another took it by force, or every
 * live view of the holder had been closed for a while.
 */
export type ReturnReason = 'returned' | 'expired' | 'taken' | 'gone'

/** One fact about who drives; `name` is the event's name. */
export type ControlChange =
  | { name: 'control.requested'; holder: Holder; seconds: number; reason?: string }
  /** The request was given up, was never answered, or its asker is gone. */
  | { name: 'control.withdrawn'; holder: Holder }
  | { name: 'control.granted'; holder: Holder; expiresAt: string; reason?: string; from?: Holder }
  | { name: 'control.renewed'; holder: Holder; expiresAt: string }
  /** `to` is who holds it next; `reason` is in the words of whoever ended it. */
  | { name: 'control.returned'; holder: Holder; why: ReturnReason; to?: Holder; reason?: string }

export type ControlListener = (change: ControlChange) => void

/** Tells every listener of every change in the order of the facts, also when a listener causes the next change. */
export class Announcer {
  readonly #listeners = new Set<ControlListener>()
  readonly #log: Logger | undefined
  #untold: ControlChange[] = []
  #telling = false

  constructor(log: Logger | undefined) {
    this.#log = log
  }

  subscribe(listener: ControlListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  tell(...changes: ControlChange[]): void {
    this.#untold.push(...changes)
    if (this.#telling) return
    this.#telling = true
    for (let change = this.#untold.shift(); change; change = this.#untold.shift()) {
      for (const listener of [...this.#listeners]) this.#call(listener, change)
    }
    this.#telling = false
  }

  /** A listener that throws keeps neither the others nor the lease from going on. */
  #call(listener: ControlListener, change: ControlChange): void {
    try {
      listener(change)
    } catch (error) {
      this.#log?.error({ err: error, change: change.name }, 'a listener of control changes failed')
    }
  }
}
