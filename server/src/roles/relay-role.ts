import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { ApiClient, Refused } from '#kernel/api-client.ts'
import { Certificates } from '#kernel/certificates.ts'
import { systemClock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Home } from '#kernel/home.ts'
import type { HostServer } from '#kernel/http/host-server.ts'
import { listener, whyNotListening } from '#kernel/http/listener.ts'
import type { Log, Logger } from '#kernel/log.ts'
import { type TrustedKeys, trustKeys } from '#kernel/service-token.ts'
import { closeInOrder } from '#kernel/shutdown.ts'
import { Ticker } from '#kernel/ticker.ts'
import {
  type JoinedRelay,
  type JoinRelay,
  type RelayBeatAnswer,
  remoteControl,
} from '#relays/host.ts'
import {
  checkMemberConfig,
  forgetMembership,
  keepMembership,
  leftFile,
  type Membership as Kept,
  ownCertificate,
  recallMembership,
} from './membership.ts'
import { RelayHost } from './relay-host.ts'
import { VERSION } from '../version.ts'
import { localUrl } from '../parts/web-rules.ts'

export interface RelayRoleOptions {
  config: Config
  home: Home
  log: Log
}

type Membership = Kept & Pick<JoinedRelay, 'relayId'>

const BEAT_EVERY_MS = 5_000
/** A watch of many tunnels is several calls, each of which waits for 20 s. */
const CONNECTIONS = 32
/** Of the time to stop in; the rest is for the leave. */
const DRAIN_SHARE = 4 / 5

/** A process that only carries tunnels: it has no database and no master key, and it goes on serving while the API is away. */
export class RelayRole implements AsyncDisposable {
  readonly #options: RelayRoleOptions
  readonly #log: Logger
  readonly #api: ApiClient
  readonly #beating: Ticker
  readonly #server: Server
  readonly #certificates: Certificates | undefined
  readonly #sockets = new Set<Duplex>()
  readonly #joined = Promise.withResolvers<void>()
  readonly #left = Promise.withResolvers<void>()
  readonly #stopping = new AbortController()
  #membership: Membership | undefined
  #trusted: TrustedKeys = new Map()
  #host: RelayHost | undefined
  #isLeaving = false
  #isStopping = false

  /** @throws ConfigError that says what the configuration of a relay lacks */
  static async check({ config, home }: RelayRoleOptions): Promise<void> {
    const membership = await recallMembership(home, config, await ownCertificate(home))
    checkMemberConfig(config, 'relay', membership !== undefined)
  }

  /** Listens; it joins when it can: see `joined`. */
  static async open(options: RelayRoleOptions): Promise<RelayRole> {
    const { config, log } = options
    const certificates = await Certificates.open(config, log.category('relay'))
    const role = new RelayRole(options, certificates)
    try {
      await role.#open()
      return role
    } catch (error) {
      await role[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(options: RelayRoleOptions, certificates: Certificates | undefined) {
    const { config } = options
    this.#certificates = certificates
    const log = options.log.category('relay')
    this.#options = options
    this.#log = log
    this.#api = new ApiClient(config.CONTROL_PLANE_URL!, { connections: CONNECTIONS })
    const work = () => this.#beatOrJoin()
    this.#beating = new Ticker({ name: 'beat', everyMs: BEAT_EVERY_MS, log, work })
    this.#server = this.#makeServer()
    // Whoever runs it may not look at these at once.
    for (const { promise } of [this.#joined, this.#left]) promise.catch(() => {})
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Resolves once the control plane knows it. */
  get joined(): Promise<void> {
    return this.#joined.promise
  }

  /** Resolves once it was told to stop and nothing is under way. @throws Error when the control plane does not want it */
  get left(): Promise<void> {
    return this.#left.promise
  }

  /** Sends its agents to other relays and lets what is under way end; then it says that it goes. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    const ms = this.#options.config.SHUTDOWN_SECONDS * 1000
    const steps = [
      { name: 'tell', close: async () => this.#membership && (await this.#beat()) },
      { name: 'drain', share: DRAIN_SHARE, close: () => this.#drain(ms * DRAIN_SHARE) },
      { name: 'beats', close: () => this.#beating[Symbol.asyncDispose]() },
      { name: 'leave', close: () => this.#sayThatItGoes() },
    ]
    await closeInOrder(steps, ms, this.#log)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#beating[Symbol.asyncDispose]()
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.closeAllConnections()
    await this.#host?.[Symbol.asyncDispose]()
    await this.#certificates?.[Symbol.asyncDispose]()
    await this.#api[Symbol.asyncDispose]()
  }

  async #open(): Promise<void> {
    const { config, home } = this.#options
    await rm(leftFile(home), { force: true })
    const certificate = await ownCertificate(home)
    await this.#listen()
    const membership = await recallMembership<Membership>(home, config, certificate)
    if (membership) await this.#belongTo(membership)
    this.#beating.start()
  }

  /** With port 0 it takes the one that it had before, so that its agents find it again. */
  async #listen(): Promise<void> {
    const { config, home } = this.#options
    const { HOST, RELAY_PORT } = config
    const file = join(home.run, 'relay-port')
    const before = RELAY_PORT === 0 ? Number(await readFile(file, 'utf8').catch(() => '0')) : 0
    if (before > 0 && (await this.#tryPort(before))) return
    if (!(await this.#tryPort(RELAY_PORT))) {
      const taken = Object.assign(new Error('taken'), { code: 'EADDRINUSE' })
      throw new Error(whyNotListening(taken, HOST, RELAY_PORT).replace('PORT', 'RELAY_PORT'))
    }
    await writeFile(file, String(this.port))
  }

  async #tryPort(port: number): Promise<boolean> {
    const { HOST } = this.#options.config
    try {
      this.#server.listen(port, HOST)
      await once(this.#server, 'listening')
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
      throw new Error(whyNotListening(error as NodeJS.ErrnoException, HOST, port), { cause: error })
    }
  }

  #makeServer(): Server {
    const { TRUSTED_PROXIES } = this.#options.config
    const certificates = this.#certificates
    const server = listener(
      {
        ...{ log: this.#log, trustedProxies: TRUSTED_PROXIES, hosts: this.#hosts() },
        ...(certificates && { tls: certificates.options }),
      },
      (_request: IncomingMessage, response: ServerResponse) => answerNothing(response),
    )
    certificates?.serve(server)
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      if (this.#host) this.#host.relay.front.upgrade(request, socket, head)
      else
        socket.end(
          `HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n\r\n`,
        )
    })
    return server
  }

  /** Whatever comes is for a tunnel: there is nothing else here. Until it has joined, nobody is served. */
  #hosts(): HostServer {
    const front = () => this.#host?.relay.front
    return {
      upgrades: ['gantry-tunnel/1'],
      isFor: () => front() !== undefined,
      knows: (hostname) => front()?.knows(hostname) ?? false,
      connected: (socket) => front()?.connected(socket),
      request: (request, response) => front()!.request(request, response),
      upgrade: (request, socket, head) => front()!.upgrade(request, socket, head),
    }
  }

  async #belongTo(membership: Membership): Promise<void> {
    const { config } = this.#options
    this.#membership = membership
    this.#api.credential = membership.credential
    this.#trusted = trustKeys([...membership.publicKeys])
    if (!this.#host) {
      this.#host = await RelayHost.open({
        ...{ ...this.#options, id: membership.relayId, control: remoteControl(this.#api) },
        certificates: this.#certificates,
        keys: () => this.#trusted,
      })
      await this.#host.letPeersIn(config.RELAY_INTERNAL_PORT)
    }
    this.#log.info({ relay: membership.relayId, port: this.port }, 'relay is up')
  }

  async #beatOrJoin(): Promise<void> {
    try {
      if (this.#membership) await this.#beat()
      else await this.#join()
    } catch (error) {
      if (!(error instanceof Refused) || error.mayPass) throw error
      if (error.code === 'relay.unauthenticated' && this.#membership) {
        // As after it was deleted, or the database was restored.
        this.#membership = undefined
        await forgetMembership(this.#options.home)
        return this.#beating.nudge()
      }
      if (!this.#membership) this.#beTurnedAway(error)
      throw error
    }
  }

  async #beat(): Promise<void> {
    const { reporter } = this.#host!
    await this.#host!.look()
    const beat = {
      ...{ ...reporter.compose(), url: this.#url },
      ...(this.#host!.internalUrl && { internalUrl: this.#host!.internalUrl }),
      ...(this.#isLeaving && { leaving: true }),
    }
    const answer = await this.#api.post<RelayBeatAnswer>('/api/v1/relay/beat', beat)
    reporter.took(beat, answer)
    this.#joined.resolve()
    await this.#trust(answer.publicKeys)
    if (answer.stop && !this.#isStopping) void this.#stop(answer.stop)
  }

  /** Told by the control plane to end: once nothing is under way, or when the time has come. */
  async #stop({ until }: NonNullable<RelayBeatAnswer['stop']>): Promise<void> {
    this.#isStopping = true
    const ms = until ? Math.max(0, Date.parse(until) - systemClock.now().getTime()) : 0
    await this.#drain(ms)
    await writeFile(leftFile(this.#options.home), '')
    this.#left.resolve()
  }

  async #drain(ms: number): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(Math.ceil(ms)), this.#stopping.signal])
    await this.#host?.drain(signal).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'relay was not drained whole')
    })
  }

  async #sayThatItGoes(): Promise<void> {
    if (!this.#membership) return
    const sequence = this.#host!.reporter.nextSequence()
    await this.#api.post('/api/v1/relay/leave', { sequence })
  }

  async #trust(publicKeys: Membership['publicKeys']): Promise<void> {
    const membership = this.#membership
    if (!membership || JSON.stringify(publicKeys) === JSON.stringify(membership.publicKeys)) return
    this.#membership = { ...membership, publicKeys }
    this.#trusted = trustKeys([...publicKeys])
    await keepMembership(this.#options.home, this.#membership)
  }

  /** @throws Refused when the token does not count */
  async #join(): Promise<void> {
    const { config, home } = this.#options
    const { fingerprint } = await ownCertificate(home)
    const { CONTROL_PLANE_URL: url = '', JOIN_TOKEN: token = '' } = config
    const request: JoinRelay = {
      ...{ token, fingerprint, version: VERSION, url: this.#url },
      ...(this.#host?.internalUrl && { internalUrl: this.#host.internalUrl }),
    }
    const joined = await this.#api.post<JoinedRelay>('/api/v1/relay/join', request)
    if (this.#host && this.#host.id !== joined.relayId) {
      throw new Error('the control plane takes this relay for another one: start it again')
    }
    const membership = { ...joined, url, fingerprint }
    await keepMembership(home, membership)
    await this.#belongTo(membership)
    this.#beating.nudge()
  }

  /** Where agents dial it. */
  get #url(): string {
    const { config } = this.#options
    return config.RELAY_URL ?? localUrl(config, this.port)
  }

  #beTurnedAway(error: Refused): void {
    const why = `${error.message}. Make a new JOIN_TOKEN with POST /api/v1/fleet/join-tokens.`
    this.#left.reject(new Error(why))
  }
}

function answerNothing(response: ServerResponse): void {
  response.writeHead(503, { 'retry-after': '2', 'content-type': 'text/plain' })
  response.end('This relay has not joined yet.\n')
}
