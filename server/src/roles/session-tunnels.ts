import type { Duplex } from 'node:stream'
import { type AskedTunnel, ROUTE_SECONDS, TunnelUnavailable } from '#browsers/index.ts'
import type { Clock } from '#kernel/clock.ts'
import { NoStream } from '#relays/host.ts'

/** A way to a tunnel. @throws NoStream when it leads there no more */
export type Way = (signal: AbortSignal) => Duplex | Promise<Duplex>

export interface SessionTunnelsOptions {
  clock: Clock
  /** Asks the control plane. @throws an error with the code of a problem when there is none */
  wayOf(sessionId: string, name: string): Promise<Way>
}

const MOST_KNOWN = 1_000

const UNAVAILABLE = {
  'session.tunnel_unknown': 'unknown',
  'session.tunnel_offline': 'offline',
} as const

interface Known {
  way: Promise<Way>
  untilMs: number
}

/** How a machine of browsers reaches the tunnels of its sessions: by a relay that the control plane names, for a few seconds. */
export class SessionTunnels {
  readonly #options: SessionTunnelsOptions
  readonly #known = new Map<string, Known>()

  constructor(options: SessionTunnelsOptions) {
    this.#options = options
  }

  /** A relay that has lost its link is asked for anew, once. @throws TunnelUnavailable, or Error when no relay can be reached */
  readonly open = async (asked: AskedTunnel): Promise<Duplex> => {
    try {
      return await this.#openNow(asked)
    } catch (error) {
      if (!(error instanceof NoStream)) throw error
      this.#known.delete(keyOf(asked))
      return this.#openNow(asked)
    }
  }

  async #openNow(asked: AskedTunnel): Promise<Duplex> {
    const way = await this.#wayOf(asked)
    asked.signal.throwIfAborted()
    return way(asked.signal)
  }

  /** One answer serves all who ask within its time. */
  #wayOf(asked: AskedTunnel): Promise<Way> {
    const nowMs = this.#options.clock.monotonicMs()
    this.#forget(nowMs)
    const key = keyOf(asked)
    const known = this.#known.get(key)
    if (known) return known.way
    const way = this.#ask(asked)
    const kept = { way, untilMs: nowMs + ROUTE_SECONDS * 1000 }
    this.#known.set(key, kept)
    way.catch(() => this.#known.get(key) === kept && this.#known.delete(key))
    return way
  }

  async #ask({ sessionId, name }: AskedTunnel): Promise<Way> {
    try {
      return await this.#options.wayOf(sessionId, name)
    } catch (error) {
      const { code } = error as { code?: keyof typeof UNAVAILABLE }
      const why = code && UNAVAILABLE[code]
      throw why ? new TunnelUnavailable(why) : error
    }
  }

  /** The oldest come first. */
  #forget(nowMs: number): void {
    for (const [key, { untilMs }] of this.#known) {
      if (untilMs > nowMs && this.#known.size <= MOST_KNOWN) return
      this.#known.delete(key)
    }
  }
}

function keyOf({ sessionId, name }: AskedTunnel): string {
  return `${sessionId} ${name}`
}
