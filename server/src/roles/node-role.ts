import { rm, writeFile } from 'node:fs/promises'
import { type Entry, NodeServer } from '#browsers/index.ts'
import {
  type BeatAnswer,
  type BeatRequest,
  type Joined,
  type JoinRequest,
  watchSpotNotice,
} from '#fleet/index.ts'
import { Refused } from '#kernel/api-client.ts'
import { systemClock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Home } from '#kernel/home.ts'
import { openIds } from '#kernel/ids.ts'
import type { Log, Logger } from '#kernel/log.ts'
import { readServiceToken, type TrustedKeys, trustKeys } from '#kernel/service-token.ts'
import { closeInOrder } from '#kernel/shutdown.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { Users } from '#kernel/unprivileged.ts'
import { BrowserNode, type Chromium } from './browser-node.ts'
import { ControlPlane, deliverReports } from './control-plane.ts'
import {
  advertisedUrl,
  type Certificate,
  checkMemberConfig,
  forgetMembership,
  keepMembership,
  leftFile,
  type Membership as Kept,
  ownCertificate,
  recallMembership,
} from './membership.ts'
import { openStream } from '#relays/host.ts'
import { SessionTunnels, type Way } from './session-tunnels.ts'
import { ToldFacts } from './told-facts.ts'
import { VERSION } from '../version.ts'

export interface NodeRoleOptions {
  config: Config
  home: Home
  users: Users
  log: Log
  chromium: Chromium
}

type Membership = Kept & Pick<Joined, 'nodeId' | 'instanceId'>

const BEAT_EVERY_MS = 5_000
const TELL_EVERY_MS = 1_000
const LAST_BEAT_MS = 3_000
/** Of the time to stop in; the rest is for the leave. */
const SESSIONS_SHARE = 4 / 5

/** A machine that only hosts browsers: it has no database and no master key, and it outlives all who do. */
export class NodeRole implements AsyncDisposable {
  readonly #options: NodeRoleOptions
  readonly #log: Logger
  readonly #controlPlane: ControlPlane
  readonly #node: BrowserNode
  readonly #certificate: Certificate
  readonly #told = new ToldFacts()
  readonly #beating: Ticker
  readonly #telling: Ticker
  readonly #spot: AsyncDisposable | undefined
  readonly #joined = Promise.withResolvers<void>()
  readonly #left = Promise.withResolvers<void>()
  #membership: Membership | undefined
  #server: NodeServer | undefined
  #trusted: TrustedKeys = new Map()
  #sequence = systemClock.now().getTime()
  #lastBeat: BeatRequest | undefined
  #spotNotice = false

  /** @throws ConfigError that says what the configuration of a node lacks */
  static async check({ config, home }: Pick<NodeRoleOptions, 'config' | 'home'>): Promise<void> {
    const membership = await recallMembership(home, config, await ownCertificate(home))
    checkMemberConfig(config, 'node', membership !== undefined)
  }

  /** Takes over the browsers that an earlier process left. It joins when it can: see `joined`. */
  static async open(options: NodeRoleOptions): Promise<NodeRole> {
    const { config, home } = options
    const certificate = await ownCertificate(home)
    const membership = await recallMembership<Membership>(home, config, certificate)
    const controlPlane = new ControlPlane(config.CONTROL_PLANE_URL!)
    controlPlane.credential = membership?.credential
    const log = options.log.category('node')
    const deliver = (entries: readonly Entry[]) => deliverReports(controlPlane, log, entries)
    const node = await BrowserNode.open({
      ...options,
      ...{ clock: systemClock, newId: openIds(systemClock) },
      ...(membership && { instanceId: membership.instanceId }),
      sinkOf: ({ id }) => ({ write: (name, bytes) => controlPlane.keepPart(id, name, bytes) }),
      deliver: (_instanceId, entries) => deliver(entries),
      openTunnel: new SessionTunnels({ clock: systemClock, wayOf: waysBy(controlPlane) }).open,
    })
    const role = new NodeRole(options, { certificate, controlPlane, node })
    try {
      await role.#serve(membership)
    } catch (error) {
      await role[Symbol.asyncDispose]()
      throw error
    }
    return role
  }

  private constructor(
    options: NodeRoleOptions,
    parts: { certificate: Certificate; controlPlane: ControlPlane; node: BrowserNode },
  ) {
    const log = options.log.category('node')
    this.#options = options
    this.#log = log
    this.#certificate = parts.certificate
    this.#controlPlane = parts.controlPlane
    this.#node = parts.node
    const beat = () => this.#beatOrJoin()
    this.#beating = new Ticker({ name: 'beat', everyMs: BEAT_EVERY_MS, log, work: beat })
    const tell = () => this.#tell()
    this.#telling = new Ticker({ name: 'tell of pages', everyMs: TELL_EVERY_MS, log, work: tell })
    this.#spot = options.config.SPOT_NOTICES
      ? watchSpotNotice({ log, onNotice: () => this.#onSpotNotice() })
      : undefined
    // Whoever runs it may not look at these at once.
    for (const { promise } of [this.#joined, this.#left]) promise.catch(() => {})
  }

  get port(): number {
    return this.#server!.port
  }

  /** Resolves once the control plane knows it. */
  get joined(): Promise<void> {
    return this.#joined.promise
  }

  /** Resolves once it was drained and its last session has ended, unless it is a pod. @throws Error when the control plane does not want it */
  get left(): Promise<void> {
    return this.#left.promise
  }

  /** Takes nothing new and ends every session, and with it its browser; then it says that it goes. */
  async endAll(): Promise<void> {
    const steps = [
      { name: 'sessions', share: SESSIONS_SHARE, close: () => this.#endSessions() },
      { name: 'leave', close: () => this.#leave() },
    ]
    await closeInOrder(steps, this.#options.config.SHUTDOWN_SECONDS * 1000, this.#log)
  }

  killAllNow(): void {
    this.#node.killAllNow()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#beating, this.#telling].map((one) => one[Symbol.asyncDispose]()))
    await this.#spot?.[Symbol.asyncDispose]()
    await this.#server?.[Symbol.asyncDispose]()
    await this.#node[Symbol.asyncDispose]()
    await this.#controlPlane[Symbol.asyncDispose]()
  }

  async #serve(membership: Membership | undefined): Promise<void> {
    const { config, home } = this.#options
    await rm(leftFile(home), { force: true })
    const options = {
      ...{ tls: this.#certificate, log: this.#log, sessions: this.#node.sessions },
      subjectOf: (token: string) => this.#subjectOf(token),
    }
    this.#server = await NodeServer.open(options, config.HOST, config.NODE_PORT)
    if (membership) this.#belongTo(membership)
    this.#beating.start()
    this.#telling.start()
  }

  #belongTo(membership: Membership): void {
    this.#membership = membership
    this.#controlPlane.credential = membership.credential
    this.#trusted = trustKeys(membership.publicKeys)
    this.#log.info({ instance: membership.instanceId, port: this.port }, 'node is up')
    this.#joined.resolve()
  }

  #subjectOf(token: string): string | undefined {
    const audience = this.#membership?.instanceId
    const nowSeconds = systemClock.now().getTime() / 1000
    return audience && readServiceToken(this.#trusted, token, audience, nowSeconds)?.sub
  }

  async #beatOrJoin(): Promise<void> {
    try {
      if (this.#membership) await this.#beat()
      else await this.#join()
    } catch (error) {
      if (!(error instanceof Refused) || error.mayPass) throw error
      if (error.code === 'node.unauthenticated' && this.#membership) {
        // As after the machine was taken out of the fleet, or the database was restored.
        this.#membership = undefined
        await forgetMembership(this.#options.home)
        return this.#beating.nudge()
      }
      if (!this.#membership) await this.#beTurnedAway(error)
      throw error
    }
  }

  async #beat(): Promise<void> {
    const { config } = this.#options
    const { sessions, taken, max, draining, diskFull } = this.#node.sessions.facts
    const beat: BeatRequest = {
      ...{ sequence: ++this.#sequence, sessions: sessions.map(({ id }) => id) },
      facts: {
        draining,
        // An API of an earlier version does not know it.
        ...(diskFull && { diskFull }),
        capacity: max,
        sessions: taken,
        version: VERSION,
        spotNotice: this.#spotNotice,
      },
      url: advertisedUrl(config, this.port),
    }
    this.#lastBeat = beat
    const answer = await this.#controlPlane.beat(beat)
    await this.#follow(answer, beat)
  }

  async #follow({ end, drain, publicKeys, sequence, ...answer }: BeatAnswer, beat: BeatRequest) {
    const { sessions } = this.#node
    this.#sequence = Math.max(this.#sequence, sequence)
    await this.#trust(publicKeys)
    for (const id of end) {
      // A beat does not wait for it.
      sessions.release(id).catch((error: unknown) => {
        this.#log.error({ err: error, session: id }, 'a session could not be ended')
      })
    }
    // An API of an earlier version tells none.
    for (const [id, generation] of Object.entries(answer.generations ?? {})) {
      await sessions.revoke(id, generation).catch((error: unknown) => {
        this.#log.warn({ err: error, session: id }, 'a revocation could not be kept')
      })
    }
    sessions.drain(drain || this.#spotNotice)
    if (!drain || !beat.facts.draining || beat.sessions.length > 0) return
    // Kubernetes would start it again: a pod stays, without sessions, until it is let back or its Deployment ends it.
    if (this.#options.config.POD_NAME) return
    await writeFile(leftFile(this.#options.home), '')
    this.#left.resolve()
  }

  async #trust(publicKeys: Membership['publicKeys']): Promise<void> {
    const membership = this.#membership
    if (!membership || JSON.stringify(publicKeys) === JSON.stringify(membership.publicKeys)) return
    this.#membership = { ...membership, publicKeys }
    this.#trusted = trustKeys(publicKeys)
    await keepMembership(this.#options.home, this.#membership)
  }

  /** @throws Refused when the token does not count */
  async #join(): Promise<void> {
    const { config, home } = this.#options
    const { JOIN_TOKEN: token = '', CONTROL_PLANE_URL: url = '', INSTANCE_ID } = config
    const { fingerprint } = this.#certificate
    const request: JoinRequest = {
      ...{ token, fingerprint, url: advertisedUrl(config, this.port) },
      ...(!INSTANCE_ID && { machine: machineOf(config, fingerprint) }),
      facts: { capacity: config.MAX_SESSIONS, sessions: 0, version: VERSION },
    }
    const membership = { ...(await this.#controlPlane.join(request)), url, fingerprint }
    await keepMembership(home, membership)
    this.#belongTo(membership)
    this.#beating.nudge()
  }

  /** Nobody can reach its sessions any more. */
  async #beTurnedAway(error: Refused): Promise<void> {
    await this.#node.sessions.endAll()
    const why = `${error.message}. Make a new JOIN_TOKEN with POST /api/v1/fleet/join-tokens.`
    this.#left.reject(new Error(why))
  }

  /** Where pages are and when they were last used, which may be lost and is never kept. */
  async #tell(): Promise<void> {
    if (!this.#membership) return
    const { sessions, taken, draining } = this.#node.sessions.facts
    const last = this.#lastBeat?.facts
    if (last?.sessions !== taken || last.draining !== draining) this.#beating.nudge()
    await this.#told.tell(sessions, (changed) => this.#controlPlane.report({ sessions: changed }))
  }

  #onSpotNotice(): void {
    this.#spotNotice = true
    this.#node.sessions.drain()
    this.#beating.nudge()
  }

  /** The last beat says that it takes nothing more. */
  async #endSessions(): Promise<void> {
    const ending = this.#node.endAll()
    await this.#beating[Symbol.asyncDispose]()
    await this.#telling[Symbol.asyncDispose]()
    if (this.#membership) {
      const steps = [{ name: 'last beat', close: () => this.#beat() }]
      await closeInOrder(steps, LAST_BEAT_MS, this.#log)
    }
    await ending
  }

  /** So that nobody waits for its beats. What arrives late of those counts no more. */
  async #leave(): Promise<void> {
    if (this.#membership) await this.#controlPlane.leave({ sequence: ++this.#sequence })
  }
}

/** Ways to tunnels as the control plane tells them. */
function waysBy(controlPlane: ControlPlane) {
  return async (sessionId: string, name: string): Promise<Way> => {
    const route = await controlPlane.tunnelRoute({ sessionId, name })
    return (signal) => openStream(route, route.token, signal)
  }
}

/** A pod is known by its name, any other machine by the certificate that it keeps. */
function machineOf({ POD_NAME }: Config, fingerprint: string): JoinRequest['machine'] {
  return POD_NAME
    ? { provider: 'kubernetes', id: POD_NAME }
    : { provider: 'local', id: fingerprint }
}
