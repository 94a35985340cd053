import { mkdir, statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Certificates } from '#kernel/certificates.ts'
import { type Clock, systemClock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Home } from '#kernel/home.ts'
import { openIds } from '#kernel/ids.ts'
import type { Log, Logger } from '#kernel/log.ts'
import { readServiceToken, type TrustedKeys } from '#kernel/service-token.ts'
import {
  LineRing,
  Peers,
  PeerServer,
  Relay,
  type RelayConfig,
  type RelayControl,
  RelayReporter,
} from '#relays/host.ts'
import { type Certificate, ownCertificate } from './membership.ts'
import { VERSION } from '../version.ts'

export interface RelayHostOptions {
  id: string
  control: RelayControl
  config: Config
  home: Home
  log: Log
  /** Of the control plane. */
  keys(): TrustedKeys
  clock?: Clock
  /** That visitors see, where it speaks HTTPS. */
  certificates?: Certificates | undefined
}

const MIB = 1024 * 1024
/** Of what is told of faults. */
const MOST_CHARACTERS = 500
const LOOK_AT_DISK_EVERY_MS = 60_000
/** Until the control plane has told what an operator has set. */
const CONFIG: RelayConfig = { maxConnections: 10_000, maxLinks: 20_000 }

/** A relay with what belongs to it in every process: the relays beside it, the listener for them, and what it tells of itself. */
export class RelayHost implements AsyncDisposable {
  readonly id: string
  readonly relay: Relay
  readonly reporter: RelayReporter
  readonly #options: RelayHostOptions
  readonly #log: Logger
  readonly #peers: Peers
  readonly #unfollow: () => void
  #server: PeerServer | undefined
  #diskFreeMib: number | undefined
  #lookedAtDiskMs = -Infinity

  static async open(options: RelayHostOptions): Promise<RelayHost> {
    const { id: relayId, config, control, home, keys } = options
    const log = options.log.category('relay')
    const clock = options.clock ?? systemClock
    const lines = new LineRing(systemClock.now().getTime())
    const unfollow = options.log.follow('relay', (line) => lines.write(line))
    const peers = new Peers({ relayId, control, clock, log })
    const directory = join(home.path, 'relay')
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const relay = await Relay.open({
      ...{ id: relayId, control, keys, clock, log, forward: peers, config: CONFIG },
      ...{ domain: config.TUNNEL_DOMAIN, host: config.HOST, newId: openIds(clock) },
      isOwnHost: (name) => isOwnName(config, name),
      trustedProxies: config.TRUSTED_PROXIES,
      journalPath: join(directory, 'usage.journal'),
      onNews: (news) => peers.apply(news),
      logs: (limit) => lines.last(limit).map(({ fields: facts, ...line }) => ({ ...line, facts })),
    })
    return new RelayHost(options, { relay, peers, lines, log, unfollow })
  }

  private constructor(
    options: RelayHostOptions,
    parts: { relay: Relay; peers: Peers; lines: LineRing; log: Logger; unfollow: () => void },
  ) {
    const { relay, peers, lines, log, unfollow } = parts
    this.#options = options
    this.id = options.id
    this.relay = relay
    this.#peers = peers
    this.#log = log
    this.#unfollow = unfollow
    const { certificates } = options
    this.reporter = new RelayReporter({
      ...{ relay, lines, version: VERSION },
      more: () => ({
        ...errorOf(relay.faults),
        ...(certificates && { certificateExpiresAt: certificates.expiresAt.toISOString() }),
        ...(this.#diskFreeMib !== undefined && {
          journal: { entries: relay.waitingUsage, diskFreeMib: this.#diskFreeMib },
        }),
      }),
    })
  }

  /** Where other relays and the control plane reach it; undefined while nobody is let in. */
  get internalUrl(): string | undefined {
    return this.#server && internalUrl(this.#options.config, this.#server.port)
  }

  /** Lets other relays and the control plane in: on the given port, or any that is free when somebody has it. */
  async letPeersIn(port: number): Promise<Certificate> {
    const { id: relayId, config, home, keys } = this.#options
    const tls = await ownCertificate(home)
    if (this.#server) return tls
    const clock = this.#options.clock ?? systemClock
    const options = {
      ...{ relayId, serving: this.relay.side, tls, clock, log: this.#log },
      claimsOf: (token: string, audience: string) =>
        readServiceToken(keys(), token, audience, clock.now().getTime() / 1000),
    }
    this.#server = await PeerServer.open(options, config.HOST, port).catch(async (error) => {
      if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      this.#log.warn({ port }, 'port for other relays is taken: any other is used')
      return PeerServer.open(options, config.HOST, 0)
    })
    return tls
  }

  /** Looks at the disk of the journal, once a minute. */
  async look(): Promise<void> {
    const nowMs = systemClock.monotonicMs()
    if (nowMs - this.#lookedAtDiskMs < LOOK_AT_DISK_EVERY_MS) return
    this.#lookedAtDiskMs = nowMs
    const { bavail, bsize } = await statfs(this.#options.home.path)
    this.#diskFreeMib = Math.round((bavail * bsize) / MIB)
  }

  /** Agents go first; resolves once nothing is under way, or the signal aborts. */
  drain(signal: AbortSignal): Promise<void> {
    return this.relay.drain(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]()
    await this.#server?.[Symbol.asyncDispose]()
    await this.#peers[Symbol.asyncDispose]()
    this.#unfollow()
  }
}

function errorOf(faults: readonly string[]): { error?: string } {
  if (faults.length === 0) return {}
  return { error: faults.join('\n').slice(0, MOST_CHARACTERS) }
}

/** Names under which no tunnel is looked for. */
function isOwnName({ PUBLIC_URL, RELAY_URL, HOST }: Config, name: string): boolean {
  if (isIP(name.replace(/^\[|\]$/g, '')) || name === 'localhost' || name === HOST) return true
  return [PUBLIC_URL, RELAY_URL].some((url) => url && new URL(url).hostname === name)
}

function internalUrl({ ADVERTISE_URL, HOST }: Config, port: number): string {
  if (ADVERTISE_URL) return ADVERTISE_URL
  const host = HOST === '0.0.0.0' || HOST === '::' ? hostname() : HOST
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}
