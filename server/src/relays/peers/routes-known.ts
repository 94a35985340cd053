import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Peer, RelayControl } from '../control.ts'

export interface RoutesOptions {
  control: Pick<RelayControl, 'find'>
  clock: Clock
  log: Logger
}

const KNOWN_FOR_MS = 30_000
/** Nobody had a link: an agent may come at any moment. */
const NONE_FOR_MS = 500
const MOST_KNOWN = 10_000

interface Known {
  peers: readonly Peer[]
  untilMs: number
}

/** Which relays have a link of a tunnel, as the control plane has told of late. While it cannot be asked, what it told last holds. */
export class KnownRoutes {
  readonly #options: RoutesOptions
  readonly #known = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<readonly Peer[]>>()

  constructor(options: RoutesOptions) {
    this.#options = options
  }

  /** With `anew` the control plane is asked whatever is known. */
  async of(tunnelId: string, { anew = false } = {}): Promise<readonly Peer[]> {
    const known = this.#known.get(tunnelId)
    if (!anew && known && known.untilMs > this.#options.clock.monotonicMs()) return known.peers
    try {
      return await this.#ask(tunnelId)
    } catch (error) {
      this.#options.log.warn({ err: error, tunnel: tunnelId }, 'a tunnel’s relays are not known')
      return known?.peers ?? []
    }
  }

  /** One answer serves all who ask meanwhile. */
  #ask(tunnelId: string): Promise<readonly Peer[]> {
    const asking =
      this.#asking.get(tunnelId) ??
      this.#askNow(tunnelId).finally(() => this.#asking.delete(tunnelId))
    this.#asking.set(tunnelId, asking)
    return asking
  }

  async #askNow(tunnelId: string): Promise<readonly Peer[]> {
    const found = await this.#options.control.find({ tunnelId })
    const peers = found?.relays ?? []
    const forMs = peers.length > 0 ? KNOWN_FOR_MS : NONE_FOR_MS
    this.#known.delete(tunnelId)
    this.#known.set(tunnelId, { peers, untilMs: this.#options.clock.monotonicMs() + forMs })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return peers
  }
}
