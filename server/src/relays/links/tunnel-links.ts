import type { Link } from './link.ts'

/** A link as one tunnel has it. */
export interface HeldLink {
  readonly link: Link
  readonly epoch: number
}

const NONE: readonly HeldLink[] = []

/** The links of one tunnel: of each of its agents, those of the newest epoch only. A list, since they are few, and tunnels many. */
export class TunnelLinks {
  #held: readonly HeldLink[] = NONE

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  get labels(): string[] {
    return [...new Set(this.#held.map(({ link }) => link.label))]
  }

  get all(): Link[] {
    return this.#held.map(({ link }) => link)
  }

  /** Gives back the links of older epochs, which have lost the tunnel. */
  add(link: Link, epoch: number): Link[] {
    this.#held = [...this.#held, { link, epoch }]
    return this.fence(link.label, epoch)
  }

  remove(link: Link): void {
    this.#keep((held) => held.link !== link)
  }

  /** Takes out the links of an agent that are below an epoch, and gives them back. */
  fence(label: string, epoch: number): Link[] {
    const isLost = (held: HeldLink) => held.link.label === label && held.epoch < epoch
    const lost = this.#held.filter(isLost)
    this.#keep((held) => !isLost(held))
    return lost.map(({ link }) => link)
  }

  clear(): Link[] {
    const links = this.all
    this.#held = NONE
    return links
  }

  has(label: string): boolean {
    return this.pick(label) !== undefined
  }

  /** Of the agent's links, the one that carries least, not counting those that take nothing new. */
  pick(label: string): Link | undefined {
    let least: Link | undefined
    for (const { link } of this.#held) {
      if (link.label !== label || link.leaving || !link.isOpen) continue
      if (!least || link.streams < least.streams) least = link
    }
    return least
  }

  /** Whether any agent is here that takes something new. */
  get canServe(): boolean {
    return this.#held.some(({ link }) => !link.leaving && link.isOpen)
  }

  #keep(isKept: (held: HeldLink) => boolean): void {
    if (this.#held.every(isKept)) return
    const kept = this.#held.filter(isKept)
    this.#held = kept.length > 0 ? kept : NONE
  }
}
