import type { Link } from './link.ts'

/** A link as one tunnel has it. */
export interface HeldLink {
  readonly link: Link
  readonly epoch: number
}

/** The links of one tunnel, by the labels of their agents: those of the newest epoch of each only. */
export class TunnelLinks {
  readonly #byAgent = new Map<string, HeldLink[]>()

  get isEmpty(): boolean {
    return this.#byAgent.size === 0
  }

  get labels(): string[] {
    return [...this.#byAgent.keys()]
  }

  get all(): Link[] {
    return [...this.#byAgent.values()].flat().map(({ link }) => link)
  }

  /** Gives back the links of older epochs, which have lost the tunnel. */
  add(link: Link, epoch: number): Link[] {
    const held = this.#byAgent.get(link.label) ?? []
    this.#byAgent.set(link.label, [...held, { link, epoch }])
    return this.fence(link.label, epoch)
  }

  remove(link: Link): void {
    this.#keep(link.label, (held) => held.link !== link)
  }

  /** Takes out the links of an agent that are below an epoch, and gives them back. */
  fence(label: string, epoch: number): Link[] {
    const lost = (this.#byAgent.get(label) ?? []).filter((held) => held.epoch < epoch)
    this.#keep(label, (held) => held.epoch >= epoch)
    return lost.map(({ link }) => link)
  }

  clear(): Link[] {
    const links = this.all
    this.#byAgent.clear()
    return links
  }

  has(label: string): boolean {
    return this.pick(label) !== undefined
  }

  /** Of the agent's links, the one that carries least, not counting those that take nothing new. */
  pick(label: string): Link | undefined {
    const held = this.#byAgent.get(label)
    if (!held) return undefined
    let least: Link | undefined
    for (const { link } of held) {
      if (link.leaving || !link.isOpen) continue
      if (!least || link.streams < least.streams) least = link
    }
    return least
  }

  /** Whether any agent is here that takes something new. */
  get canServe(): boolean {
    for (const label of this.#byAgent.keys()) if (this.has(label)) return true
    return false
  }

  #keep(label: string, isKept: (held: HeldLink) => boolean): void {
    const kept = (this.#byAgent.get(label) ?? []).filter(isKept)
    if (kept.length === 0) this.#byAgent.delete(label)
    else this.#byAgent.set(label, kept)
  }
}
