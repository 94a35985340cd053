import type { AddressLists } from '#addresses/index.ts'
import { keepChain } from '#audit/index.ts'
import type { Identity, PasswordCost } from '#identity/index.ts'
import { judgeNodes, keepFleet, type Fleet, type FleetParts } from '#fleet/index.ts'
import type { Capability } from '#kernel/capability.ts'
import { Certificates } from '#kernel/certificates.ts'
import type { Context } from '#kernel/context.ts'
import { EventReaders } from '#kernel/events.ts'
import type { Situation } from '#kernel/kernel.ts'
import { closeInOrder, type Step } from '#kernel/shutdown.ts'
import type { Users } from '#kernel/unprivileged.ts'
import { judgeRelays, keepRelays, RelayClients, sessionRoute } from '#relays/index.ts'
import type { SecretsParts } from '#secrets/index.ts'
import type { TunnelParts } from '#tunnels/index.ts'
import { BrowserDesk } from './roles/browser-desk.ts'
import { type BrowserNode, type Chromium, decideSandbox, NO_SANDBOX } from './roles/browser-node.ts'
import { capabilityNamed, runningCapabilities, type Running } from './capabilities.ts'
import { Core, type CoreOptions } from './parts/core.ts'
import { openFleetParts } from './parts/fleet.ts'
import { Front } from './roles/front.ts'
import { declareGauges } from './gauges.ts'
import { OwnBeats, openOwnNode } from './roles/own-node.ts'
import { ownWays } from './roles/own-tunnels.ts'
import { People } from './parts/people.ts'
import type { RelayDesk } from './roles/relay-desk.ts'
import { openRelayParts, type OwnRelaysParts } from './parts/relays.ts'
import { openTunnelParts } from './parts/tunnels.ts'

export interface AppOptions extends CoreOptions {
  users: Users
  /** Of new password hashes; cheap in tests. */
  passwordCost?: PasswordCost
  /** The browser to host; absent in a process without the node role. */
  chromium?: Chromium
}

/** The product in one process: everything that its roles ask for, opened in order and closed in the opposite one. */
export class App {
  readonly capabilities: Capability[]
  readonly tunnelParts: TunnelParts
  readonly relayParts: OwnRelaysParts
  readonly #options: AppOptions
  readonly #core: Core
  readonly #relayClients: RelayClients
  readonly #loops = new AsyncDisposableStack()
  #people: People | undefined
  #fleet: FleetParts | undefined
  #desk: BrowserDesk | undefined
  #node: BrowserNode | undefined
  #readers: EventReaders | undefined
  #relay: RelayDesk | undefined
  #certificates: Certificates | undefined
  #front: Front | undefined

  /** Opens everything that the roles ask for; a failure closes what was open. */
  static async open(options: AppOptions): Promise<App> {
    const app = new App(options)
    try {
      await app.#open()
      return app
    } catch (error) {
      await app.stop(2_000)
      throw error
    }
  }

  private constructor(options: AppOptions) {
    const core = new Core(options)
    const identity = () => this.#whenOpen(this.#people).identity
    const serviceToken = (audience: string, subject: string) =>
      identity().serviceToken(audience, subject)
    this.#options = options
    this.#core = core
    this.#relayClients = new RelayClients({
      own: () => this.#relay && { id: this.#relay.id, calls: this.#relay.relay.calls },
      ...{ serviceToken, log: core.log.category('relay') },
    })
    const tunnels = openTunnelParts(core, { identity, relays: this.#relayClients })
    const fleet = () => this.#fleetAndJobs()
    const relays = openRelayParts(core, { tunnels, serviceToken, fleet })
    const running: Running = {
      ...{ core, tunnels, relays },
      people: () => this.#whenOpen(this.#people),
      fleet: () => this.#whenOpen(this.#fleet),
      desk: () => this.#desk,
      front: () => this.#front,
      readers: () => this.#readers,
    }
    this.tunnelParts = tunnels
    this.relayParts = relays
    this.capabilities = runningCapabilities(running)
    declareGauges(running)
  }

  async #open(): Promise<void> {
    const core = this.#core
    const { ROLES: roles } = core.config
    await core.open(this.capabilities)
    this.#people = await People.open(core, this.#options.passwordCost)
    this.#fleet = openFleetParts(core, () => this.#desk?.runtime)
    if (roles.includes('api')) this.#desk = this.#openDesk(this.#people, this.#fleet)
    if (roles.includes('node')) this.#node = await this.#openNode()
    await this.#desk?.start(this.#node)
    if (roles.includes('worker')) await this.#openWorker()
    if (roles.includes('api')) {
      this.#certificates = await Certificates.open(core.config, core.log.category('http'))
    }
    if (roles.includes('relay')) this.#relay = await this.#openRelay()
    if (roles.includes('api')) await this.#openFront(this.#people)
  }

  #openDesk(people: People, fleet: FleetParts): BrowserDesk {
    const core = this.#core
    const { chromium } = this.#options
    return new BrowserDesk({
      ...{ core, people, beatOwn: new OwnBeats(core, fleet).beat },
      routeOf: (ctx, wanted) => sessionRoute(ctx, this.relayParts, wanted),
      ...(chromium && decideSandbox(core.config, chromium) === 'off' && { notice: NO_SANDBOX }),
    })
  }

  #openNode(): Promise<BrowserNode> {
    const { users, chromium } = this.#options
    const wayOf = ownWays({
      ...{ context: () => this.systemContext(), parts: this.relayParts },
      relay: () => this.#relay?.relay,
      instanceId: () => this.#node!.sessions.instanceId,
    })
    return openOwnNode(this.#core, { users, chromium, desk: this.#desk, wayOf })
  }

  async #openWorker(): Promise<void> {
    const { jobs, db, doorbell, log, contextFor } = this.#core
    await jobs.work(contextFor)
    this.#readers = new EventReaders({
      ...{ db, doorbell, contextFor, log: log.category('events') },
      readers: this.capabilities.flatMap((capability) => capability.reacts ?? []),
    })
    await this.#readers.start()
    this.#loops.use(keepChain(this.systemContext(), doorbell))
    this.#loops.use(keepFleet(this.systemContext(), this.#fleetAndJobs()))
    this.#loops.use(keepRelays(this.systemContext(), this.relayParts))
  }

  async #openRelay(): Promise<RelayDesk> {
    const { RelayDesk } = await import('./roles/relay-desk.ts')
    return RelayDesk.open({
      ...{ core: this.#core, parts: this.relayParts, certificates: this.#certificates },
      hasOtherMachines: () => (this.#desk?.runtime.nodes.others ?? 0) > 0,
    })
  }

  async #openFront(people: People): Promise<void> {
    const core = this.#core
    this.#front = await Front.open({
      ...{ core, people, capabilities: this.capabilities, hosts: this.#relay?.relay.front },
      certificates: this.#certificates,
      runtime: () => this.#whenOpen(this.#desk).runtime,
    })
    this.#loops.use(judgeNodes(this.systemContext(), this.#fleetAndJobs()))
    this.#loops.use(judgeRelays(this.systemContext(), this.relayParts))
    const url = await this.#front.listen()
    core.url = core.config.PUBLIC_URL ?? url
    this.#relay?.start(core.url)
  }

  /** In the order of the design: no new work, what is in flight, what is held, the database's connections. */
  async stop(totalMs = this.#core.config.SHUTDOWN_SECONDS * 1000): Promise<void> {
    const core = this.#core
    core.drain()
    const steps: Step[] = [
      // A request may wait for two minutes; what comes after it needs its time too.
      { name: 'requests', share: 1 / 2, close: () => this.#drain(totalMs / 4) },
      { name: 'sockets', close: async () => this.#front?.sockets[Symbol.asyncDispose]() },
      { name: 'listener', close: async () => this.#front?.http[Symbol.asyncDispose]() },
      { name: 'certificates', close: async () => this.#certificates?.[Symbol.asyncDispose]() },
      { name: 'jobs', close: async () => core.jobs?.[Symbol.asyncDispose]() },
      { name: 'loops', close: () => this.#loops.disposeAsync() },
      { name: 'queue', close: async () => this.#desk?.stop() },
      { name: 'sessions', close: async () => this.#node?.endAll() },
      { name: 'browsers', close: async () => this.#node?.[Symbol.asyncDispose]() },
      { name: 'desk', close: async () => this.#desk?.[Symbol.asyncDispose]() },
      { name: 'relay', close: async () => this.#relay?.[Symbol.asyncDispose]() },
      { name: 'relay clients', close: () => this.#relayClients[Symbol.asyncDispose]() },
      { name: 'readers', close: async () => this.#readers?.[Symbol.asyncDispose]() },
      { name: 'services', close: () => this.#closeServices() },
      { name: 'doorbell', close: () => core.doorbell[Symbol.asyncDispose]() },
      { name: 'database', close: () => core.pool[Symbol.asyncDispose]() },
    ]
    await closeInOrder(steps, totalMs, core.log.category('shutdown'))
    core.markStopped()
  }

  /** Kills the browsers without waiting for anything: for a second Ctrl-C. */
  killNow(): void {
    this.#node?.killAllNow()
  }

  /** What is under way ends while there is a listener that it came by: of tunnels, what ends within `tunnelsMs`. */
  async #drain(tunnelsMs: number): Promise<void> {
    const drained = this.#front?.http.drain()
    try {
      await this.#relay?.stop(AbortSignal.timeout(tunnelsMs))
    } finally {
      await drained
    }
  }

  async #closeServices(): Promise<void> {
    await this.#front?.closeNotes()
    await this.#people?.[Symbol.asyncDispose]()
    await this.#core.closeServices()
  }
  get url(): string {
    return this.#core.url
  }

  get addresses(): AddressLists {
    return this.#whenOpen(this.#people).addresses
  }

  get identity(): Identity {
    return this.#whenOpen(this.#people).identity
  }

  get secrets(): SecretsParts {
    return this.#core.secrets
  }

  get browsers(): BrowserNode | undefined {
    return this.#node
  }

  systemContext(accountId?: string): Context {
    return this.#core.systemContext(accountId)
  }

  contextFor(situation: Situation): Context {
    return this.#core.contextFor(situation)
  }

  /** Adds a sealing key, and queues the job that brings what is sealed under it. */
  rotateSealingKeys() {
    return capabilityNamed(this.capabilities, 'secrets').rotate(this.systemContext())
  }

  /** Calls `answer` at each change of tunnels that relays have to know, until the returned function is called. */
  onTunnelNews(answer: () => void): () => void {
    return this.#core.doorbell.answer('tunnels', answer)
  }

  #fleetAndJobs(): Fleet {
    const { jobsByName: jobs } = capabilityNamed(this.capabilities, 'fleet')
    return { parts: this.#whenOpen(this.#fleet), jobs }
  }

  #whenOpen<Part>(part: Part | undefined): Part {
    if (part === undefined) throw new Error('this part of the process is not open')
    return part
  }
}
