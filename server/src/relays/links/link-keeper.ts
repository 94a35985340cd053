import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '#kernel/log.ts'
import { Problem } from '#kernel/problem.ts'
import type { TunnelSpec } from '#tunnels/index.ts'
import type { NewId } from '#kernel/ids.ts'
import type { HealthReport, OpenedLink, RelayConfig, RelayControl } from '../control.ts'
import type { Clock } from '#kernel/clock.ts'
import { answerFor } from '../gate/answers.ts'
import { answerUpgrade } from '../http/answer.ts'
import type { Directory } from '../http/directory.ts'
import type { ServedTunnel } from '../http/served-tunnel.ts'
import type { AgentMessage, WelcomedTunnel } from '../link-protocol.ts'
import type { Place } from '../watch.ts'
import { Heartbeats } from './heartbeats.ts'
import { acceptLink, askForLink, linkProblems, readLinkRequest } from './link-door.ts'
import { Link, type LinkOwner } from './link.ts'

export interface LinkKeeperOptions {
  relayId: string
  control: RelayControl
  directory: Directory
  clock: Clock
  newId: NewId
  log: Logger
  config(): RelayConfig
  /** The relay knows other tunnels than before. */
  onChange(): void
}

const TELL_AGAIN_MS = 2_000
const TOLD_TOGETHER = 100
const TELL_NEXT_MS = 10
const MOST_CLOSED = 100_000
const REPORTS_EVERY_MS = 250
const MOST_REPORTS = 10_000
/** The control plane takes no more in one call. */
const REPORTED_AT_ONCE = 500

/** The links of one relay: opened by agents, known to the control plane, asked whether they are alive. */
export class LinkKeeper implements AsyncDisposable {
  readonly #options: LinkKeeperOptions
  readonly #links = new Map<string, Link>()
  readonly #asking = new Set<string>()
  readonly #heartbeats = new Heartbeats()
  /** Ended, and the control plane has not taken it yet. */
  readonly #closed = new Set<string>()
  readonly #owner: LinkOwner = {
    onMessage: (message, link) => this.#hear(message, link),
    onClosed: (link) => this.#forget(link),
  }
  #telling: NodeJS.Timeout | undefined
  /** By endpoint, the newest. */
  readonly #reports = new Map<string, HealthReport>()
  #reporting: NodeJS.Timeout | undefined
  #draining = false
  #disposed = false

  constructor(options: LinkKeeperOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#links.size
  }

  /** Links that are open, and those that the control plane is being asked about. */
  get ids(): string[] {
    return [...this.#links.keys(), ...this.#asking]
  }

  /** Connections to services that all of them carry. */
  get streams(): number {
    let streams = 0
    for (const link of this.#links.values()) streams += link.streams
    return streams
  }

  /** An agent that asks for a link; it is answered here, whatever comes of it. */
  async open(request: IncomingMessage, socket: Duplex, head: Buffer, ip: string): Promise<void> {
    const linkId = this.#options.newId('lnk')
    this.#asking.add(linkId)
    try {
      await this.#admit(linkId, request, socket, head, ip)
    } catch (error) {
      const problem =
        error instanceof Problem ? error : linkProblems.silentControl({ cause: error })
      if (problem.kind.level === 'warn')
        this.#options.log.warn({ err: error }, 'a link was not opened')
      answerUpgrade(socket, answerFor(problem, { html: false }))
    } finally {
      this.#asking.delete(linkId)
    }
  }

  /** Closes links that the books do not have any more; their agents come again. */
  drop(linkIds: readonly string[]): void {
    for (const id of linkIds) this.#links.get(id)?.destroy()
  }

  /** Tells agents to go elsewhere; links that carry nothing are closed, the others once they are done. */
  drain(): void {
    this.#draining = true
    for (const link of this.#links.values()) {
      link.tell({ type: 'drain' })
      this.#leave(link)
    }
  }

  /** Takes links again; those that were told to go still go. */
  undrain(): void {
    this.#draining = false
  }

  /** Tells the agents of links that have lost a tunnel why, and what they carry from now on. */
  lose(served: ServedTunnel, links: readonly Link[], code: string, detail: string): void {
    for (const link of links) {
      link.tunnels.delete(served.spec.id)
      link.tell({ type: 'lost', tunnelId: served.spec.id, code, detail })
      if (link.tunnels.size === 0) this.#leave(link)
    }
  }

  /** Tells the agents of a tunnel of its new endpoints. */
  tellOf(served: ServedTunnel): void {
    for (const link of served.links.all)
      link.tell({ type: 'tunnels', tunnels: this.#carriedBy(link) })
  }

  /** Tells all agents that there are relays that were not there before: some of them at a time, since it may be many. */
  async tellOfRelays(): Promise<void> {
    let told = 0
    for (const link of [...this.#links.values()]) {
      link.tell({ type: 'relays' })
      if (++told % TOLD_TOGETHER === 0) await sleep(TELL_NEXT_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#heartbeats[Symbol.dispose]()
    for (const link of this.#links.values()) link.destroy()
    clearTimeout(this.#telling)
    clearTimeout(this.#reporting)
    await this.#tellClosed().catch(() => {})
  }

  async #admit(
    linkId: string,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    ipAddress: string,
  ): Promise<void> {
    const { control, directory, log, config } = this.#options
    const wish = readLinkRequest(request)
    if (this.#draining || this.#links.size + this.#asking.size > config().maxLinks) {
      throw linkProblems.tooManyLinks({ retryAfterSeconds: 5 })
    }
    const since = directory.told
    const opened = await askForLink(control, { linkId, ...wish, ipAddress }, log)
    try {
      if (this.#draining || this.#disposed)
        throw linkProblems.tooManyLinks({ retryAfterSeconds: 5 })
      const accepted = await acceptLink(socket, head)
      if (accepted.destroyed || this.#disposed) throw new Error('the agent has gone')
      const { runId, label } = opened
      const link = new Link(accepted, { id: linkId, runId, label }, this.#owner)
      this.#take(link, opened, since)
    } catch (error) {
      this.#noteClosed(linkId)
      throw error
    }
  }

  #take(link: Link, opened: OpenedLink, since: Place): void {
    const { relayId, directory, onChange, log } = this.#options
    this.#links.set(link.id, link)
    this.#heartbeats.add(link)
    for (const { spec, epoch, url } of opened.tunnels)
      this.#carry(link, directory.take(spec, url, since), epoch)
    link.tell({ type: 'welcome', linkId: link.id, relayId, tunnels: this.#carriedBy(link) })
    for (const { tunnelId, code, detail } of opened.refused) {
      link.tell({ type: 'lost', tunnelId, code, detail })
    }
    log.info({ link: link.id, run: link.runId, tunnels: link.tunnels.size }, 'link opened')
    onChange()
  }

  #carry(link: Link, served: ServedTunnel, epoch: number): void {
    const { id, holders, started } = served.spec
    // It was stopped, or somebody newer has come, while the control plane was asked.
    const isHolder = started && (holders[link.label] ?? Infinity) <= epoch
    if (!isHolder) return link.tell({ type: 'lost', tunnelId: id, ...whyLost(served.spec) })
    link.tunnels.add(id)
    const older = served.links.add(link, epoch)
    for (const lost of older) served.awake?.pool.leave(lost)
    this.lose(served, older, TAKEN.code, TAKEN.detail)
  }

  #carriedBy(link: Link): WelcomedTunnel[] {
    return [...link.tunnels].flatMap((id) => {
      const served = this.#options.directory.byId(id)
      if (!served) return []
      const endpoints = served.spec.endpoints
        .filter(({ agent }) => agent === link.label)
        .map(({ id, url, healthCheck }) => ({ id, url, ...(healthCheck && { healthCheck }) }))
      return { id, name: served.spec.name, url: served.url, endpoints }
    })
  }

  #hear(message: AgentMessage, link: Link): void {
    if (message.type === 'leave') this.#leave(link)
    else if (message.type === 'health') this.#hearHealth(message, link)
  }

  #hearHealth(
    { endpointId, status, message }: AgentMessage & { type: 'health' },
    link: Link,
  ): void {
    if (status !== 'healthy' && status !== 'unhealthy') return
    const served = [...link.tunnels]
      .map((id) => this.#options.directory.byId(id))
      .find((each) =>
        each?.spec.endpoints.some(({ id, agent }) => id === endpointId && agent === link.label),
      )
    // An agent speaks for its own endpoints only.
    if (!served || this.#reports.size >= MOST_REPORTS) return
    served.health(endpointId, status)
    this.#reports.set(endpointId, {
      ...{
        endpointId,
        tunnelId: served.spec.id,
        status,
        at: this.#options.clock.now().toISOString(),
      },
      ...(typeof message === 'string' && { message: plainText(message) }),
    })
    this.#reporting ??= setTimeout(() => void this.#report(), REPORTS_EVERY_MS)
  }

  async #report(): Promise<void> {
    this.#reporting = undefined
    const reports = [...this.#reports.values()].slice(0, REPORTED_AT_ONCE)
    for (const { endpointId } of reports) this.#reports.delete(endpointId)
    try {
      await this.#options.control.reportHealth(reports)
      if (this.#reports.size > 0 && !this.#disposed) {
        this.#reporting ??= setTimeout(() => void this.#report(), 0)
      }
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the health of endpoints could not be told')
      if (this.#disposed) return
      for (const report of reports) {
        if (!this.#reports.has(report.endpointId)) this.#reports.set(report.endpointId, report)
      }
      this.#reporting ??= setTimeout(() => void this.#report(), TELL_AGAIN_MS)
    }
  }

  #leave(link: Link): void {
    for (const id of link.tunnels) this.#options.directory.byId(id)?.awake?.pool.leave(link)
    link.leave()
  }

  #forget(link: Link): void {
    const { directory, log, onChange } = this.#options
    this.#links.delete(link.id)
    this.#heartbeats.remove(link)
    for (const id of link.tunnels) {
      const served = directory.byId(id)
      served?.links.remove(link)
      served?.awake?.pool.leave(link)
    }
    log.info({ link: link.id, run: link.runId }, 'link closed')
    this.#noteClosed(link.id)
    if (!this.#disposed) onChange()
  }

  #noteClosed(linkId: string): void {
    if (this.#closed.size >= MOST_CLOSED) return
    this.#closed.add(linkId)
    this.#telling ??= setTimeout(() => void this.#tellClosedAgain(), 0)
  }

  async #tellClosedAgain(): Promise<void> {
    try {
      await this.#tellClosed()
      this.#telling = undefined
      if (this.#closed.size > 0) this.#telling = setTimeout(() => void this.#tellClosedAgain(), 0)
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the end of a link could not be told')
      if (this.#disposed) return
      this.#telling = setTimeout(() => void this.#tellClosedAgain(), TELL_AGAIN_MS)
    }
  }

  async #tellClosed(): Promise<void> {
    for (const id of [...this.#closed]) {
      await this.#options.control.closeLink(id)
      this.#closed.delete(id)
    }
  }
}

/** As the database takes it: what an agent writes must not keep back what others tell. */
function plainText(message: string): string {
  return message.slice(0, 500).toWellFormed().replaceAll('\0', '')
}

const SUSPENDED = {
  code: 'tunnel.suspended',
  detail: 'The operator of this service has suspended the tunnel.',
} as const
const STOPPED = { code: 'tunnel.stopped', detail: 'The tunnel was stopped.' } as const
const TAKEN = {
  code: 'tunnel.taken_over',
  detail: 'A newer run of the agent holds the tunnel.',
} as const

/** By its spec, why links of a tunnel are none any more. */
export function whyLost({ started, suspended }: TunnelSpec): { code: string; detail: string } {
  if (started) return TAKEN
  return suspended ? SUSPENDED : STOPPED
}
