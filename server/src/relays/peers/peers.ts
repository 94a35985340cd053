import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { News, Peer } from '../control.ts'
import { handOver, type Pass, Unheard } from './hand-over.ts'
import { handOverConnection, handOverUpgrade } from './hand-over-socket.ts'
import { PeerLink, Unreached } from './peer-link.ts'
import { KnownRoutes, type RoutesOptions } from './routes-known.ts'
import type { Forward, PeerVisit } from './visit.ts'
import type { VisitKind } from './wire.ts'

export interface PeersOptions extends RoutesOptions {
  /** Of this relay, which is no peer of its own. */
  relayId: string
}

type HandTo = (link: PeerLink, pass: Pass) => Promise<boolean>

/**
 * The other relays, as one relay has them: visitors of a tunnel that it has no link of are handed to one that has. That one never hands
 * them on.
 */
export class Peers implements Forward, AsyncDisposable {
  readonly #options: PeersOptions
  readonly #routes: KnownRoutes
  readonly #links = new Map<string, PeerLink>()
  /** Those that are not listed any more, until what is under way there has ended. */
  readonly #retired = new Set<PeerLink>()
  readonly #nonce = randomBytes(9).toString('base64url')
  #token = ''
  #turn = 0

  constructor(options: PeersOptions) {
    this.#options = options
    this.#routes = new KnownRoutes(options)
  }

  /** What the control plane tells: who there is, and what this relay shows to them. */
  apply({ peers, peerToken }: Pick<News, 'peers' | 'peerToken'>): void {
    this.#token = peerToken
    const listed = new Map(peers.map((peer) => [peer.relayId, peer]))
    for (const [id, link] of this.#links) {
      const peer = listed.get(id)
      if (!peer || !isSame(peer, link.peer)) this.#retire(id, link)
    }
    for (const link of this.#retired) if (link.isQuiet) void this.#end(link)
  }

  request(request: IncomingMessage, response: ServerResponse, visit: PeerVisit): Promise<boolean> {
    const handTo: HandTo = (link, pass) => handOver(link, request, response, pass)
    return this.#byOne(visit, 'request', response, handTo)
  }

  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    visit: PeerVisit,
  ): Promise<boolean> {
    const handTo: HandTo = (link, pass) => handOverUpgrade(link, request, socket, head, pass)
    return this.#byOne(visit, 'upgrade', socket, handTo)
  }

  connection(socket: Duplex, visit: PeerVisit): Promise<boolean> {
    const handTo: HandTo = (link, pass) => handOverConnection(link, socket, pass)
    return this.#byOne(visit, 'connection', socket, handTo)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const links = [...this.#links.values(), ...this.#retired]
    this.#links.clear()
    this.#retired.clear()
    await Promise.all(links.map((link) => link[Symbol.asyncDispose]()))
  }

  /** One relay after the other, each at most once: those that are known, then those that the control plane names when asked anew. */
  async #byOne(
    visit: PeerVisit,
    as: VisitKind,
    visitor: { readonly destroyed: boolean },
    handTo: HandTo,
  ): Promise<boolean> {
    const { tunnelId } = visit
    const pass = { visit, as, nonce: this.#nonce, token: this.#token }
    const asked = new Set([this.#options.relayId])
    for (const anew of [false, true]) {
      const peers = await this.#routes.of(tunnelId, { anew })
      for (const peer of this.#inTurn(peers.filter(({ relayId }) => !asked.has(relayId)))) {
        asked.add(peer.relayId)
        // Nobody is left to be served.
        if (visitor.destroyed) return true
        if (await this.#tryOne(() => handTo(this.#linkTo(peer), pass))) return true
      }
    }
    return visitor.destroyed
  }

  async #tryOne(attempt: () => Promise<boolean>): Promise<boolean> {
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof Unreached || error instanceof Unheard) return false
      throw error
    }
  }

  /** Begins with another one each time; those that could not be reached a moment ago come last. */
  #inTurn(peers: readonly Peer[]): Peer[] {
    if (peers.length < 2) return [...peers]
    const first = this.#turn++ % peers.length
    const turned = [...peers.slice(first), ...peers.slice(0, first)]
    const isDown = ({ relayId }: Peer) => Number(this.#links.get(relayId)?.isDown ?? false)
    return turned.sort((one, other) => isDown(one) - isDown(other))
  }

  #linkTo(peer: Peer): PeerLink {
    const known = this.#links.get(peer.relayId)
    if (known && isSame(known.peer, peer)) return known
    if (known) this.#retire(peer.relayId, known)
    const link = new PeerLink(peer, this.#options.log)
    this.#links.set(peer.relayId, link)
    return link
  }

  #retire(id: string, link: PeerLink): void {
    this.#links.delete(id)
    this.#retired.add(link)
    link.retire()
  }

  async #end(link: PeerLink): Promise<void> {
    this.#retired.delete(link)
    await link[Symbol.asyncDispose]()
  }
}

function isSame(one: Peer, other: Peer): boolean {
  return one.internalUrl === other.internalUrl && one.fingerprint === other.fingerprint
}
