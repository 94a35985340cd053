import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { EgressFailure } from './egress-failure.ts'
import type { Onward } from './egress-forward.ts'
import { type Judges, type Route, refusalOf } from './egress-route.ts'
import type { EgressPolicy } from './egress-rules.ts'
import { dialThrough, dialUpstream, proxyAuthorization } from './egress-upstream.ts'
import { throughTunnel } from './session-tunnels.ts'
import { dial } from './tunnel.ts'

/** One tunnel or one plain exchange, from the request until its last byte. */
export class Flow implements Disposable {
  readonly #client: Socket
  readonly #abort = new AbortController()
  readonly #leave = () => this.cut(new EgressFailure('connection_closed'))
  #route: Route | undefined

  constructor(client: Socket) {
    this.#client = client
    client.once('close', this.#leave)
  }

  /** Why it was cut, if it was. */
  get cutBy(): EgressFailure | undefined {
    return this.#abort.signal.reason as EgressFailure | undefined
  }

  /** Ends it at whatever point it is. */
  cut(why: EgressFailure): void {
    this.#abort.abort(why)
  }

  /** Cuts it when the rules that hold now do not allow its way. */
  cutUnless(policy: EgressPolicy): void {
    if (!this.#route) return
    const { upstream, tunnel } = this.#route
    const isSameWay =
      tunnel !== undefined || JSON.stringify(upstream) === JSON.stringify(policy.upstream)
    const refusal = refusalOf(policy, this.#route) ?? (isSameWay ? undefined : 'not_allowed')
    if (refusal) this.cut(new EgressFailure(refusal))
  }

  /** The way that it goes from now on; rules that come later may cut it. */
  take(route: Route): void {
    this.#route = route
  }

  /** Opens the way for a tunnel. @throws EgressFailure, or Error of the socket. */
  openTunnel(judges: Judges, deadlineMs: number): Promise<Duplex> {
    return this.#within(deadlineMs, (route, signal) => openTunnel(route, judges, signal))
  }

  /**
   * Opens the way for a plain request. An HTTP upstream is sent the whole URL, as browsers do, since many open tunnels for HTTPS
   * only.
   *
   * @throws EgressFailure, or Error of the socket.
   */
  openPlain(url: URL, judges: Judges, deadlineMs: number): Promise<Onward> {
    return this.#within(deadlineMs, async (route, signal) => {
      const { upstream, byAddress } = route
      const path = url.pathname + url.search
      if (!upstream || upstream.protocol === 'socks5' || byAddress) {
        const target = await openTunnel(route, judges, signal)
        return { target, path, host: url.host, isUpstream: false }
      }
      const target = await dialUpstream(upstream, judges, signal)
      const whole = { path: `http://${url.host}${path}`, headers: proxyAuthorization(upstream) }
      return { target, ...whole, host: url.host, isUpstream: true }
    })
  }

  [Symbol.dispose](): void {
    this.#client.off('close', this.#leave)
  }

  async #within<Opened>(
    deadlineMs: number,
    open: (route: Route, signal: AbortSignal) => Promise<Opened>,
  ): Promise<Opened> {
    const route = this.#route!
    const late = new EgressFailure(route.upstream ? 'upstream_timeout' : 'timeout')
    const timer = setTimeout(() => this.cut(late), deadlineMs)
    try {
      return await open(route, this.#abort.signal)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** By the session's upstream when it has one, and never past it; straight to the relay for a tunnel of the session. */
function openTunnel(route: Route, judges: Judges, signal: AbortSignal): Promise<Duplex> {
  const { upstream, addresses = [], port, tunnel } = route
  if (tunnel !== undefined) return throughTunnel(tunnel, judges, signal)
  if (upstream) return dialThrough(upstream, route, judges, signal)
  return dial({ port, addresses, signal })
}
