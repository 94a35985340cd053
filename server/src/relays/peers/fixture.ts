import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import pino from 'pino'
import { generate } from 'selfsigned'
import { systemClock } from '#kernel/clock.ts'
import { ed25519Signer } from '#kernel/jws.ts'
import { readServiceToken, signServiceToken, trustKeys } from '#kernel/service-token.ts'
import type { Found, Peer } from '../control.ts'
import type { RelayCalls } from './calls.ts'
import { PeerServer } from './peer-server.ts'
import { Peers } from './peers.ts'
import { NoLink, type PeerVisit, type Serving, type SessionVisit, type Visit } from './visit.ts'
import { AUDIENCES } from './wire.ts'

export const log = pino({ level: 'silent' })
export const TUNNEL = 'tun_shop'

/** Lets other relays in to a relay. The certificate is its own. */
export async function letPeersIn(
  relayId: string,
  serving: Serving,
): Promise<PeerServer & { peer: Peer }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: relayId }])
  const claimsOf = (token: string, audience: string) =>
    readServiceToken(trusted, token, audience, nowSeconds())
  const server = await PeerServer.open(
    { relayId, serving, tls: { cert, key }, claimsOf, clock: systemClock, log },
    '127.0.0.1',
    0,
  )
  const fingerprint = new X509Certificate(cert).fingerprint256
  const internalUrl = `https://127.0.0.1:${server.port}`
  return Object.assign(server, { peer: { relayId, internalUrl, fingerprint } })
}

const keys = generateKeyPairSync('ed25519')
const trusted = trustKeys([
  { ...keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA' },
])

export interface TokenWish {
  aud?: string
  sub?: string
  ageSeconds?: number
  privateKey?: KeyObject
}

export function tokenOf({
  aud = AUDIENCES.peer,
  sub = 'rel_front',
  ageSeconds = 0,
  privateKey = keys.privateKey,
}: TokenWish = {}): Promise<string> {
  return signServiceToken(ed25519Signer('k1', privateKey), { aud, sub }, nowSeconds() - ageSeconds)
}

const nowSeconds = () => systemClock.now().getTime() / 1000

type Serve = (
  request: IncomingMessage,
  response: ServerResponse,
  visit: Visit,
) => Promise<void> | void

/** A relay with links, as others reach it. What it does with those who come is the test's to say. */
export class LinkedRelay implements AsyncDisposable, Serving {
  readonly id: string
  /** Tunnels that it has a link of. */
  readonly linked = new Set([TUNNEL])
  readonly visits: Visit[] = []
  readonly heads: IncomingMessage[] = []
  serve: Serve = (_request, response) => void response.end(this.id)
  serveSocket: (socket: Duplex, head: Buffer, request?: IncomingMessage) => void = (socket) =>
    void socket.pipe(socket)
  calls = {} as RelayCalls
  #server!: PeerServer & { peer: Peer }

  static async open(id = 'rel_linked'): Promise<LinkedRelay> {
    const relay = new LinkedRelay(id)
    relay.#server = await letPeersIn(id, relay)
    return relay
  }

  private constructor(id: string) {
    this.id = id
  }

  get peer(): Peer {
    return this.#server.peer
  }

  has(tunnelId: string): boolean {
    return this.linked.has(tunnelId)
  }

  async request(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void> {
    this.#note(request, visit)
    await this.serve(request, response, visit)
  }

  async upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    visit: Visit,
  ): Promise<void> {
    this.#note(request, visit)
    this.serveSocket(socket, head, request)
  }

  async connection(socket: Duplex, visit: PeerVisit): Promise<void> {
    this.visits.push(visit)
    this.serveSocket(socket, Buffer.alloc(0))
  }

  connect(visit: SessionVisit): Duplex {
    this.visits.push(visit)
    const [near, far] = duplexPair()
    this.serveSocket(far, Buffer.alloc(0))
    return near
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }

  #note(request: IncomingMessage, visit: Visit): void {
    if (!this.linked.has(visit.tunnelId)) throw new NoLink(visit.tunnelId)
    this.visits.push(visit)
    this.heads.push(request)
  }
}

/** A relay without any link: what visitors ask of it, others answer. */
export class FrontRelay implements AsyncDisposable {
  readonly peers: Peers
  /** What the control plane says of the tunnel, and how often it was asked. */
  relays: Peer[]
  asked = 0
  /** What became of visitors that nobody served. */
  readonly failures: unknown[] = []
  readonly #server = createServer()

  static async open(...linked: readonly LinkedRelay[]): Promise<FrontRelay> {
    const front = new FrontRelay(linked.map(({ peer }) => peer))
    front.peers.apply({ peers: front.relays, peerToken: await tokenOf() })
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve))
    return front
  }

  private constructor(relays: Peer[]) {
    this.relays = relays
    const find = async () => (
      this.asked++,
      { spec: {}, url: '', relays: this.relays } as never as Found
    )
    this.peers = new Peers({ relayId: 'rel_front', control: { find }, clock: systemClock, log })
    this.#server.on('request', (request, response) => void this.#request(request, response))
    this.#server.on('checkContinue', (request, response) => void this.#request(request, response))
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** What a visitor writes, byte for byte. */
  dial(): Socket {
    return connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.peers[Symbol.asyncDispose]()
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const isServed = await this.peers.request(request, response, visitOf(request))
      if (!isServed) response.writeHead(503).end('nobody')
    } catch (error) {
      this.failures.push(error)
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end('broken')
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      if (await this.peers.upgrade(request, socket, head, visitOf(request))) return
      socket.end('HTTP/1.1 503 Nobody\r\ncontent-length: 0\r\n\r\n')
    } catch (error) {
      this.failures.push(error)
      socket.destroy()
    }
  }
}

export function visitOf({ socket }: Pick<IncomingMessage, 'socket'>): PeerVisit {
  const ip = socket.remoteAddress ?? ''
  return { kind: 'peer', tunnelId: TUNNEL, ip, secure: false, trusted: false }
}
