import type { News, RelayConfig } from './control.ts'
import { FrontDoor } from './doors/front-door.ts'
import { Intake } from './doors/intake.ts'
import { SideDoor } from './doors/side-door.ts'
import { Gates } from './gate/gates.ts'
import { Directory } from './http/directory.ts'
import { requestIds } from './http/request-ids.ts'
import type { ServedTunnel } from './http/served-tunnel.ts'
import { Sums, type Surroundings } from './http/surroundings.ts'
import { DecisionRoom } from './inspect/room.ts'
import { LinkKeeper, whyLost } from './links/link-keeper.ts'
import type { Link } from './links/link.ts'
import { Load } from './load.ts'
import { Meters } from './measure/meters.ts'
import { UsageJournal } from './measure/usage-journal.ts'
import type { RelayCalls } from './peers/calls.ts'
import { answerCalls } from './relay-calls.ts'
import type { RelayFacts, RelayOptions } from './relay-options.ts'
import { TcpPorts } from './tcp/tcp-ports.ts'
import { Watch } from './watch.ts'

const LOOK_EVERY_MS = 1_000
const IDLE_AFTER_MS = 60_000

/**
 * Carries the traffic of tunnels: takes the links of agents and the requests, WebSockets and connections of visitors. It has no database
 * and no key; what it knows of tunnels it asks the control plane.
 */
export class Relay implements AsyncDisposable {
  /** For the public listener. */
  readonly front: FrontDoor
  /** For other relays, and browser sessions. */
  readonly side: SideDoor
  readonly calls: RelayCalls
  readonly #options: RelayOptions
  readonly #surroundings: Surroundings
  readonly #directory: Directory
  readonly #keeper: LinkKeeper
  readonly #ports: TcpPorts
  readonly #journal: UsageJournal
  readonly #watch: Watch
  readonly #load = new Load()
  readonly #looking: NodeJS.Timeout
  #config: RelayConfig
  /** Relays that agents may dial, as it was told last. */
  #dialable: ReadonlySet<string> | undefined
  #isToldToDrain = false

  static async open(options: RelayOptions): Promise<Relay> {
    const meters = new Meters(options.clock)
    const { journalPath: path, control, log } = options
    const journal = await UsageJournal.open({ path, meters, control, log })
    return new Relay(options, meters, journal)
  }

  private constructor(options: RelayOptions, meters: Meters, journal: UsageJournal) {
    const { clock, control, log, newId } = options
    this.#options = options
    this.#config = options.config
    this.#surroundings = this.#makeSurroundings(meters)
    const directory = new Directory({
      ...{ control, surroundings: this.#surroundings },
      told: () => this.#watch.told,
      onLearnt: (since) => this.#watch.learn(since),
      onLost: (served, links) => this.#tellLost(served, links),
    })
    this.#directory = directory
    this.#journal = journal
    this.#journal.start()
    this.#watch = new Watch({
      ...{ control, log },
      tunnelIds: () => directory.ids,
      onNews: (news) => this.#hear(news),
    })
    this.#keeper = new LinkKeeper({
      ...{ relayId: options.id, control, directory, clock, newId, log },
      config: () => this.#config,
      onChange: () => this.#watch.renew(),
    })
    this.calls = answerCalls(directory, (limit) => options.logs?.(limit) ?? [])
    const intake = new Intake(this.#surroundings.sums, () => this.#config)
    this.front = new FrontDoor({ ...options, directory, intake, keeper: this.#keeper })
    this.side = new SideDoor({ calls: this.calls, directory, intake })
    this.#ports = new TcpPorts({
      ...{ host: options.host, log, relayId: options.id },
      linkedAt: (port) => this.#linkedAt(port),
      report: (reports) => control.reportPorts(reports),
      onConnection: (port, socket) => this.front.connection(port, socket),
    })
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  get facts(): RelayFacts {
    const { sums, isDraining } = this.#surroundings
    return {
      ...{ draining: isDraining, links: this.#keeper.size, tunnels: this.#linked().length },
      ...{ streams: sums.underWay, requests: sums.requests, failures: sums.failures },
      ...{ bytesIn: sums.bytesIn, bytesOut: sums.bytesOut },
      ...this.#load.take(),
    }
  }

  /** Links that are open, and those that the control plane is being asked about. */
  linkIds(): string[] {
    return this.#keeper.ids
  }

  /** Counts that the control plane has not taken yet. */
  get waitingUsage(): number {
    return this.#journal.figures.waiting
  }

  /** What it cannot do now, one line each. */
  get faults(): string[] {
    return [...this.#ports.faults, ...this.#journal.faults]
  }

  /** Of TCP tunnels that it has a link of: those that are open. */
  get tcpPorts(): number[] {
    return this.#ports.ports
  }

  /** Closes links that the books do not have any more; their agents come again. */
  dropLinks(linkIds: readonly string[]): void {
    this.#keeper.drop(linkIds)
  }

  /** Agents are told first and no new stream is taken; resolves once the last one has ended, or the signal aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isToldToDrain = false
    this.#surroundings.isDraining = true
    this.#ports.keep([])
    this.#keeper.drain()
    while (!signal.aborted && (this.#surroundings.sums.underWay > 0 || this.#keeper.size > 0)) {
      await pause(signal)
    }
  }

  /** What an operator has asked for may be taken back; a process that goes by itself goes. */
  #follow(drain: boolean): void {
    const { isDraining } = this.#surroundings
    if (drain && !isDraining) {
      this.#isToldToDrain = true
      this.#surroundings.isDraining = true
      this.#keeper.drain()
    } else if (!drain && this.#isToldToDrain) {
      this.#isToldToDrain = false
      this.#surroundings.isDraining = false
      this.#keeper.undrain()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking)
    for (const served of this.#directory.tunnels) served.end()
    await this.#watch[Symbol.asyncDispose]()
    await this.#ports[Symbol.asyncDispose]()
    await this.#keeper[Symbol.asyncDispose]()
    this.side[Symbol.dispose]()
    await this.#journal[Symbol.asyncDispose]()
    this.#load[Symbol.dispose]()
  }

  #makeSurroundings(meters: Meters): Surroundings {
    const { id, domain, clock, log, keys } = this.#options
    return {
      ...{ relayId: id, domain, clock, log, meters },
      gates: new Gates({ clock, keys }),
      room: new DecisionRoom({ clock }),
      replayer: (request) => this.side.replay(request),
      sums: new Sums(),
      newRequestId: requestIds(() => clock.now().getTime()),
      isDraining: false,
    }
  }

  #hear(news: News): void {
    this.#config = news.config
    for (const spec of news.specs) {
      const served = this.#directory.byId(spec.id)
      if (!served) continue
      this.#directory.apply(spec)
      this.#keeper.tellOf(served)
    }
    for (const id of news.gone) this.#lose(id)
    this.#follow(news.drain)
    this.#hearOfRelays(news.dialable)
    // Others take what comes while it goes.
    this.#ports.keep(this.#surroundings.isDraining ? [] : news.ports)
    this.#options.onNews?.(news)
  }

  #hearOfRelays(dialable: News['dialable']): void {
    const known = this.#dialable
    this.#dialable = dialable && new Set(dialable)
    if (known && dialable?.some((one) => !known.has(one))) void this.#keeper.tellOfRelays()
  }

  #linkedAt(port: number): string | undefined {
    const served = this.#directory.known({ port })
    return served && !served.links.isEmpty ? served.spec.id : undefined
  }

  #tellLost(served: ServedTunnel, links: readonly Link[]): void {
    const { code, detail } = whyLost(served.spec)
    this.#keeper.lose(served, links, code, detail)
  }

  #lose(tunnelId: string): void {
    const served = this.#directory.byId(tunnelId)
    if (!served) return
    const links = served.links.clear()
    this.#keeper.lose(served, links, 'tunnel.not_found', 'The tunnel was deleted.')
    this.#directory.drop(served)
  }

  #linked(): ServedTunnel[] {
    return [...this.#directory.tunnels].filter(({ links }) => !links.isEmpty)
  }

  /** Once in a second: what takes too long is ended, and what nobody uses is dropped. */
  #look(): void {
    const nowMs = performance.now()
    const idleSince = nowMs - (this.#options.idleAfterMs ?? IDLE_AFTER_MS)
    for (const served of this.#directory.tunnels) {
      served.awake?.look(nowMs)
      if (served.awake?.isIdleSince(idleSince)) served.sleep()
      const isUnused = !served.awake && served.links.isEmpty && served.askedMs < idleSince
      if (isUnused) this.#directory.drop(served)
    }
    this.#ports.look(nowMs)
    this.#surroundings.room.sweep()
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, 25)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
