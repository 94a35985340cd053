import { Backoff } from './backoff.ts'
import type { Invitation } from './control-plane.ts'
import type { Link } from './link.ts'
import type { Timing } from './timing.ts'

export interface KeeperOptions {
  /** Links to as many different relays, where there are so many. */
  wanted: number
  timing: Timing
  signal: AbortSignal
  /** What opens links: a fresh one where the last did not help. */
  invite(isFresh: boolean): Promise<Invitation>
  open(relay: { id: string; url: string }, invitation: Invitation): Promise<Link>
  onOpen(link: Link): void
  onClosed(link: Link, why: Error | undefined): void
  /** An attempt failed; returns whether to try on. */
  onFailure(error: Error, nextMs: number): boolean
}

/** Keeps links open, each to another relay, for ever. */
export class LinkKeeper {
  readonly #options: KeeperOptions
  readonly #links = new Set<Link>()
  /** By ones of a newer run, also to the same relays. */
  readonly #replaced = new WeakSet<Link>()
  readonly #dialing = new Set<string>()
  /** Failures in a row, by relay. */
  readonly #failures = new Map<string, number>()
  /** After failures. */
  readonly #waiting = new Set<() => void>()
  /** For a relay that they have no link to. */
  readonly #looking = new Set<() => void>()
  #isStale = true
  #told: NodeJS.Timeout | undefined
  /** How often it has heard of other relays. */
  #heard = 0

  constructor(options: KeeperOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#stop(), { once: true })
  }

  /** Those that stand, also those that end when what is under way has. */
  get links(): readonly Link[] {
    return [...this.#links]
  }

  /** Ends with its signal. */
  async run(): Promise<void> {
    const places = Array.from({ length: this.#options.wanted }, () => this.#keep())
    await Promise.all(places)
  }

  /** Every wait ends now, such as after a change of the network. */
  wake(): void {
    for (const wake of [...this.#waiting, ...this.#looking]) wake()
  }

  /** A relay has told of others: whoever waits looks soon, though not all agents at once. Told often, it looks no more often. */
  hearOfRelays(): void {
    const { signal, timing } = this.#options
    if (signal.aborted) return
    this.#told ??= setTimeout(
      () => {
        this.#told = undefined
        this.#heard++
        this.#isStale = true
        this.wake()
      },
      timing.toldMs * (0.2 + Math.random() * 0.8),
    )
  }

  /** Waits so long, or until it is woken. */
  pause(ms: number): Promise<void> {
    return this.#sleep(ms, this.#waiting)
  }

  /** Opens other links in place of all that stand. */
  replace(): void {
    this.#isStale = true
    for (const link of this.#links) {
      this.#replaced.add(link)
      link.leave()
    }
    this.wake()
  }

  /** One place of a link. */
  async #keep(): Promise<void> {
    const { signal, timing } = this.#options
    const backoff = new Backoff()
    let looks = 0
    while (!signal.aborted) {
      const heard = this.#heard
      const link = await this.#try(backoff)
      if (link === 'failed') continue
      if (link === 'no other relay') {
        // What it has just been told may be newer than what it has looked at.
        if (heard !== this.#heard) continue
        const longest = Math.min(timing.lookAgainMs, timing.lookFirstMs * 2 ** looks++)
        await this.#sleep(longest * (0.5 + Math.random() / 2), this.#looking)
        this.#isStale = true
        continue
      }
      looks = 0
      const begunMs = performance.now()
      await link.left
      this.#isStale = true
      if (performance.now() - begunMs >= timing.steadyMs) backoff.reset()
      // Whoever is asked to go opens the next link before this one ends.
      if (!link.leaving) await this.pause(backoff.nextMs())
    }
  }

  async #try(backoff: Backoff): Promise<Link | 'failed' | 'no other relay'> {
    let relay: { id: string; url: string } | undefined
    try {
      const invitation = await this.#options.invite(this.#isStale)
      this.#isStale = false
      relay = this.#choose(invitation.relays)
      if (!relay && invitation.relays.length > 0) return 'no other relay'
      if (!relay) throw new Error('no relay runs at present')
      return await this.#open(relay, invitation)
    } catch (error) {
      if (this.#options.signal.aborted) return 'failed'
      if (relay) this.#failures.set(relay.id, (this.#failures.get(relay.id) ?? 0) + 1)
      this.#isStale = true
      const nextMs = backoff.nextMs()
      const goesOn = this.#options.onFailure(error as Error, nextMs)
      if (goesOn) await this.pause(nextMs)
      return 'failed'
    }
  }

  /** One that it has no link to, rather one that did not fail; of those, the first. */
  #choose(relays: Invitation['relays']): Invitation['relays'][number] | undefined {
    const standing = this.links.filter((link) => !this.#replaced.has(link))
    const taken = new Set([...standing.map(({ relay }) => relay.id), ...this.#dialing])
    const failures = ({ id }: { id: string }) => this.#failures.get(id) ?? 0
    const known = new Set(relays.map(({ id }) => id))
    for (const id of this.#failures.keys()) if (!known.has(id)) this.#failures.delete(id)
    return relays
      .filter(({ id }) => !taken.has(id))
      .toSorted((one, other) => failures(one) - failures(other))[0]
  }

  async #open(relay: Invitation['relays'][number], invitation: Invitation): Promise<Link> {
    this.#dialing.add(relay.id)
    try {
      const link = await this.#options.open(relay, invitation)
      this.#links.add(link)
      this.#failures.delete(relay.id)
      void link.closed.then((why) => this.#lose(link, why))
      this.#options.onOpen(link)
      return link
    } finally {
      this.#dialing.delete(relay.id)
    }
  }

  #lose(link: Link, why: Error | undefined): void {
    this.#links.delete(link)
    this.#isStale = true
    this.#options.onClosed(link, why)
    // A place that found no relay free may have this one.
    for (const wake of this.#looking) wake()
  }

  #stop(): void {
    clearTimeout(this.#told)
    this.wake()
  }

  async #sleep(ms: number, sleepers: Set<() => void>): Promise<void> {
    if (this.#options.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    sleepers.add(resolve)
    await promise
    clearTimeout(timer)
    sleepers.delete(resolve)
  }
}
