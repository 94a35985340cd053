import type { Holder } from './changes.ts'

interface Watcher {
  holder: Holder
  views: number
  /** Since when no view is open. */
  leftAtMs?: number
}

/** Whose live views are open, and since when the last one of somebody is closed. */
export class Presence {
  readonly #goneAfterMs: number
  readonly #watchers = new Map<string, Watcher>()

  constructor(goneAfterMs: number) {
    this.#goneAfterMs = goneAfterMs
  }

  arrive(holder: Holder): void {
    const views = this.#watchers.get(keyOf(holder))?.views ?? 0
    this.#watchers.set(keyOf(holder), { holder, views: views + 1 })
  }

  /** One view less. Whoever has none left is remembered from `atMs` on, or forgotten without it. */
  leave(holder: Holder, atMs: number | undefined): void {
    const watcher = this.#watchers.get(keyOf(holder))
    if (!watcher) return
    watcher.views--
    if (watcher.views > 0) return
    if (atMs === undefined) this.#watchers.delete(keyOf(holder))
    else watcher.leftAtMs = atMs
  }

  /** Somebody who is heard of otherwise is not waited for; those with an open view stay known. */
  forgive(holder: Holder): void {
    if (this.#watchers.get(keyOf(holder))?.views === 0) this.#watchers.delete(keyOf(holder))
  }

  /** As if the holder had been there and had just left. */
  expect(holder: Holder, atMs: number): void {
    if (!this.knows(holder)) this.#watchers.set(keyOf(holder), { holder, views: 0, leftAtMs: atMs })
  }

  knows(holder: Holder): boolean {
    return this.#watchers.has(keyOf(holder))
  }

  /** Those who have been away for too long; each is told of once. */
  takeGone(nowMs: number): Holder[] {
    const gone = [...this.#watchers.values()].filter((watcher) => this.#goneAt(watcher) <= nowMs)
    for (const { holder } of gone) this.#watchers.delete(keyOf(holder))
    return gone.map(({ holder }) => holder)
  }

  get nextGoneMs(): number {
    return Math.min(...[...this.#watchers.values()].map((watcher) => this.#goneAt(watcher)))
  }

  #goneAt({ leftAtMs }: Watcher): number {
    return leftAtMs === undefined ? Infinity : leftAtMs + this.#goneAfterMs
  }
}

function keyOf({ kind, id }: Holder): string {
  return `${kind} ${id}`
}
