import { checkMatrix } from '#access/index.ts'
import { AddressLists } from '#addresses/index.ts'
import { chainLagSeconds, keepChain } from '#audit/index.ts'
import { accountOfUser, Identity, type PasswordCost, Providers } from '#identity/index.ts'
import {
  type NodeSessions,
  reapBrowsers,
  sealedProxies,
  SessionUrls,
  storeSink,
} from '#browsers/index.ts'
import {
  beat,
  ensureBuiltin,
  type fleet,
  type FleetParts,
  judgeNodes,
  keepFleet,
} from '#fleet/index.ts'
import { openAddressGuard } from '#kernel/addresses.ts'
import type { Capability } from '#kernel/capability.ts'
import { Certificates } from '#kernel/certificates.ts'
import { type Clock, systemClock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import { APP_ROLE, type DatabaseAddress, DatabasePool } from '#kernel/db.ts'
import { Doorbell } from '#kernel/doorbell.ts'
import { EventLog, EventReaders, settleEpoch } from '#kernel/events.ts'
import type { Home } from '#kernel/home.ts'
import { housekeeping } from '#kernel/housekeeping.ts'
import { Cursors } from '#kernel/http/cursor.ts'
import { keptRecords } from '#kernel/personal-records.ts'
import { openIds } from '#kernel/ids.ts'
import { JobQueue } from '#kernel/jobs.ts'
import { type KernelParts, makeContext, type Situation } from '#kernel/kernel.ts'
import type { Log } from '#kernel/log.ts'
import { RuntimeSettings } from '#kernel/runtime-settings.ts'
import type { Kms } from '#kernel/secrets/kms.ts'
import { UnsealFailures } from '#kernel/secrets/unseal-failures.ts'
import type { SealingKeys } from '#kernel/secrets/sealing-keys.ts'
import { closeInOrder, type Step } from '#kernel/shutdown.ts'
import { objectHandler } from '#kernel/storage/http.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { openTelemetry, type Telemetry } from '#kernel/telemetry.ts'
import type { Users } from '#kernel/unprivileged.ts'
import { ProblemCounts } from '#operations/index.ts'
import { judgeRelays, keepRelays, proxyStatus, RelayClients, sessionRoute } from '#relays/index.ts'
import type { secrets, SecretsParts } from '#secrets/index.ts'
import { type TunnelParts, tunnelsByStatus } from '#tunnels/index.ts'
import { BrowserDesk } from './browser-desk.ts'
import { BrowserNode, type Chromium, decideSandbox, NO_SANDBOX } from './browser-node.ts'
import { Callers } from './callers.ts'
import { openFleetParts } from './fleet-parts.ts'
import { Front } from './front.ts'
import { declareGauges } from './gauges.ts'
import { document, manifest } from './manifest.ts'
import { type MailParts, openMailParts } from './mail-parts.ts'
import { migrateAll } from './migrations.ts'
import { openStore } from './object-store.ts'
import { ownWays } from './own-tunnels.ts'
import type { RelayDesk } from './relay-desk.ts'
import { openRelayParts } from './relay-parts.ts'
import { SessionTunnels } from './session-tunnels.ts'
import { openKms, openSealingKeys } from './sealing.ts'
import { openTunnelParts } from './tunnel-parts.ts'
import { trafficCounters } from './traffic-counters.ts'
import { VERSION } from './version.ts'
import { localUrl } from './web-rules.ts'

export interface AppOptions {
  config: Config
  home: Home
  /** The database, signed in as its owner. */
  database: DatabaseAddress
  log: Log
  users: Users
  clock?: Clock
  /** Of new password hashes; cheap in tests. */
  passwordCost?: PasswordCost
  /** The browser to host; absent in a process without the node role. */
  chromium?: Chromium
}

const SYSTEM = { kind: 'system', name: 'gantry' } as const

/** The product in one process: everything that its roles ask for, opened in order and closed in the opposite one. */
export class App {
  readonly telemetry: Telemetry = openTelemetry()
  readonly capabilities: Capability[]
  readonly tunnelParts: TunnelParts
  readonly relayParts: ReturnType<typeof openRelayParts>
  /** Where clients reach it; known once it listens. */
  url = ''
  readonly #options: AppOptions
  readonly #clock: Clock
  readonly #draining = new AbortController()
  readonly #stopping = new AbortController()
  readonly #startedAt: Date
  readonly #pool: DatabasePool
  readonly #doorbell: Doorbell
  readonly #kms: Kms
  #sealingKeys!: SealingKeys
  #store!: ObjectStore
  #parts!: KernelParts
  #settings!: RuntimeSettings
  #jobs!: JobQueue
  #addresses!: AddressLists
  #identity!: Identity
  #problemCounts!: ProblemCounts
  #callers!: Callers
  #mail!: MailParts
  #unsealFailures: UnsealFailures | undefined
  #desk: BrowserDesk | undefined
  readonly #loops = new AsyncDisposableStack()
  #fleet: FleetParts | undefined
  #builtin: Awaited<ReturnType<typeof ensureBuiltin>> | undefined
  #beats = 0
  #node: BrowserNode | undefined
  #relay: RelayDesk | undefined
  readonly #relayClients: RelayClients
  #front: Front | undefined
  #certificates: Certificates | undefined
  #readers: EventReaders | undefined

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
    const { config, database, log } = options
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#startedAt = this.#clock.now()
    this.#kms = openKms(config)
    const connection = { address: database, role: APP_ROLE, log: log.category('database') }
    this.#pool = new DatabasePool({
      ...connection,
      poolSize: config.DATABASE_POOL_SIZE,
      onQuery: this.telemetry.query,
    })
    this.#doorbell = new Doorbell({ ...connection, pool: this.#pool.pool })
    this.#relayClients = new RelayClients({
      own: () => this.#relay && { id: this.#relay.id, calls: this.#relay.relay.calls },
      serviceToken: (audience, subject) => this.#identity.serviceToken(audience, subject),
      log: log.category('relay'),
    })
    this.tunnelParts = openTunnelParts({
      ...{ config, doorbell: this.#doorbell, identity: () => this.#identity },
      ...{ url: () => this.#publicUrl(), relays: this.#relayClients },
      counted: trafficCounters(this.telemetry),
    })
    this.relayParts = openRelayParts({
      ...{ db: this.#pool.db, clock: this.#clock, log: log.category('relay') },
      ...{ doorbell: this.#doorbell, stopping: this.#draining.signal, tunnels: this.tunnelParts },
      serviceToken: (audience, subject) => this.#identity.serviceToken(audience, subject),
      fleet: () => this.#fleetAndJobs(),
    })
    this.capabilities = manifest({
      identity: () => this.#identityParts(),
      addresses: () => this.#addresses,
      fleet: () => this.#fleetParts(),
      browsers: () => this.#desk?.runtime,
      store: () => this.#store,
      platform: () => this.#platformParts(),
      settings: () => this.#settings,
      secrets: () => this.secrets,
      tunnels: () => this.tunnelParts,
      relays: () => this.relayParts,
      operations: () => this.#operationsParts(),
      notifications: () => this.#mail,
      audit: () => ({
        ...{ vault: this.#keyring, store: this.#store },
        records: keptRecords(this.capabilities),
      }),
    })
    checkMatrix(this.capabilities)
    declareGauges(this.telemetry, {
      pool: this.#pool.pool,
      jobs: () => this.#jobs,
      readers: () => this.#readers,
      sockets: () => this.#front?.sockets,
      chainLagSeconds: () => chainLagSeconds(this.systemContext()),
      browsers: () => this.#desk?.runtime,
      relays: () => proxyStatus(this.systemContext()),
      tunnels: () => tunnelsByStatus(this.systemContext()),
    })
  }

  #identityParts() {
    const { tools, signingKeys } = this.#identity
    return { tools, signingKeys, store: this.#store, records: keptRecords(this.capabilities) }
  }

  /** A context that acts for the product itself. */
  systemContext(accountId?: string): Context {
    return this.contextFor({ actor: SYSTEM, ...(accountId && { accountId }) })
  }

  readonly contextFor = (situation: Situation): Context => makeContext(this.#parts, situation)

  get addresses(): AddressLists {
    return this.#addresses
  }

  get identity(): Identity {
    return this.#identity
  }

  /** The keys that seal what the database holds. */
  get secrets(): SecretsParts {
    return {
      keys: this.#sealingKeys,
      columns: this.capabilities.flatMap((capability) => capability.sealed ?? []),
    }
  }

  /** Adds a sealing key, and queues the job that brings what is sealed under it. */
  rotateSealingKeys() {
    const capability = this.capabilities.find(({ name }) => name === 'secrets')
    return (capability as ReturnType<typeof secrets>).rotate(this.systemContext())
  }

  /** Calls `answer` at each change of tunnels that relays have to know, until the returned function is called. */
  onTunnelNews(answer: () => void): () => void {
    return this.#doorbell.answer('tunnels', answer)
  }

  get #keyring(): Keyring {
    return this.#sealingKeys.keyring
  }

  get browsers(): BrowserNode | undefined {
    return this.#node
  }

  /** In the order of the design: no new work, what is in flight, what is held, the database's connections. */
  async stop(totalMs = this.#options.config.SHUTDOWN_SECONDS * 1000): Promise<void> {
    this.#draining.abort()
    const steps: Step[] = [
      // A request may wait for two minutes; what comes after it needs its time too.
      { name: 'requests', share: 1 / 2, close: () => this.#drain(totalMs / 4) },
      { name: 'sockets', close: async () => this.#front?.sockets[Symbol.asyncDispose]() },
      { name: 'listener', close: async () => this.#front?.http[Symbol.asyncDispose]() },
      { name: 'certificates', close: async () => this.#certificates?.[Symbol.asyncDispose]() },
      { name: 'jobs', close: async () => this.#jobs?.[Symbol.asyncDispose]() },
      { name: 'loops', close: () => this.#loops.disposeAsync() },
      { name: 'queue', close: async () => this.#desk?.stop() },
      { name: 'sessions', close: async () => this.#node?.endAll() },
      { name: 'browsers', close: async () => this.#node?.[Symbol.asyncDispose]() },
      { name: 'desk', close: async () => this.#desk?.[Symbol.asyncDispose]() },
      { name: 'relay', close: async () => this.#relay?.[Symbol.asyncDispose]() },
      { name: 'relay clients', close: () => this.#relayClients[Symbol.asyncDispose]() },
      { name: 'readers', close: async () => this.#readers?.[Symbol.asyncDispose]() },
      { name: 'services', close: async () => this.#closeServices() },
      { name: 'doorbell', close: () => this.#doorbell[Symbol.asyncDispose]() },
      { name: 'database', close: () => this.#pool[Symbol.asyncDispose]() },
    ]
    await closeInOrder(steps, totalMs, this.#options.log.category('shutdown'))
    this.#stopping.abort()
  }

  /** Kills the browsers without waiting for anything: for a second Ctrl-C. */
  killNow(): void {
    this.#node?.killAllNow()
  }

  async #open(): Promise<void> {
    const { config, home, database, log } = this.#options
    await migrateAll({ address: database, log: log.category('database') })
    const { db } = this.#pool
    this.#sealingKeys = await openSealingKeys(config, {
      ...{ home, log, db, clock: this.#clock, kms: this.#kms },
    })
    this.#store = await this.#openStore()
    await settleEpoch(this.#pool.db)
    await this.#openKernel()
    const clock = this.#clock
    this.#addresses = await AddressLists.open({
      ...{ db, clock, log: log.category('http'), configured: config.ADMIN_ALLOWLIST },
    })
    this.#identity = await Identity.open({
      ...{ db: this.#pool.db, clock, config, keyring: this.#keyring, settings: this.#settings },
      ...{ kms: this.#kms, log: log.category('identity') },
      refuseSignIn: (address) => this.#addresses.refuseSignIn(address),
      providers: new Providers(config, { clock, log: log.category('identity') }),
      passwordCost: this.#options.passwordCost,
    })
    this.#problemCounts = new ProblemCounts(this.#pool.db, clock, log.category('operations'))
    this.telemetry.onProblem(this.#problemCounts.record)
    this.#callers = new Callers(this.#identity, this.#addresses)
    this.#mail = openMailParts(config, (request) => this.#callers.ofRequest(request, this.url))
    this.#openFleet()
    if (config.ROLES.includes('api')) this.#openDesk()
    if (config.ROLES.includes('node')) await this.#openNode()
    await this.#desk?.start(this.#node)
    if (config.ROLES.includes('worker')) await this.#openWorker()
    if (config.ROLES.includes('api')) {
      this.#certificates = await Certificates.open(config, log.category('http'))
    }
    if (config.ROLES.includes('relay')) await this.#openRelay()
    if (config.ROLES.includes('api')) await this.#openApi()
  }

  async #openKernel(): Promise<void> {
    const { log } = this.#options
    const clock = this.#clock
    const newId = openIds(clock)
    this.#settings = await RuntimeSettings.open(
      this.#pool.db,
      log.category('settings'),
      this.capabilities,
    )
    this.#jobs = await JobQueue.open({
      pool: this.#pool.pool,
      jobs: [...housekeeping, ...this.capabilities.flatMap((capability) => capability.jobs ?? [])],
      doorbell: this.#doorbell,
      log: log.category('jobs'),
      telemetry: this.telemetry,
      graceMs: (this.#options.config.SHUTDOWN_SECONDS * 1000) / 3,
    })
    this.#parts = {
      ...{
        clock,
        newId,
        log,
        telemetry: this.telemetry,
        settings: this.#settings,
        jobs: this.#jobs,
      },
      db: this.#pool.db,
      cursors: new Cursors(this.#keyring.derive('cursors')),
      keyring: this.#keyring,
      publicUrl: () => this.#publicUrl(),
      events: new EventLog({ clock, newId, doorbell: this.#doorbell }),
      stopping: this.#stopping.signal,
    }
    this.#unsealFailures = new UnsealFailures({
      ...{ db: this.#pool.db, contextFor: this.contextFor, log: log.category('secrets') },
      columns: this.secrets.columns,
      accountOfUser: (userId) => accountOfUser(this.systemContext(), userId),
      count: this.telemetry.unsealingFailed,
    })
    this.#sealingKeys.onFailure = this.#unsealFailures.note
  }

  /** Of a process that does not serve the API too, as far as its configuration tells. */
  #publicUrl(): string {
    const { config } = this.#options
    return this.url || (config.PUBLIC_URL ?? localUrl(config, config.PORT))
  }

  #openStore(): Promise<ObjectStore> {
    const { config, home } = this.#options
    return openStore(config, home, {
      publicUrl: () => this.url,
      signingKey: this.#keyring.derive('object URLs'),
      clock: this.#clock,
    })
  }

  #openDesk(): void {
    const { chromium, config, log } = this.#options
    const { purpose, place } = sealedProxies
    this.#desk = new BrowserDesk({
      ...{ log, db: this.#pool.db, clock: this.#clock, store: this.#store },
      contextFor: (accountId) => this.systemContext(accountId),
      urls: new SessionUrls({
        key: this.#keyring.derive('session URLs'),
        publicUrl: () => this.url,
      }),
      guard: openAddressGuard({ allow: config.EGRESS_ALLOW }),
      vault: {
        seal: (id, secret) => this.#keyring.seal(purpose, place(id), Buffer.from(secret)),
        open: (id, sealed) => this.#keyring.open(purpose, place(id), sealed).toString(),
      },
      stopping: this.#draining.signal,
      keyHolder: (key, ip, account) => this.#callers.ofKey(key, ip, account),
      authenticate: (authorization, ip, account) =>
        this.#callers.ofHeader(authorization, ip, account),
      tokenFor: (instanceId, sessionId) => this.#identity.serviceToken(instanceId, sessionId),
      beatOwn: (node) => this.#beatOwn(node),
      routeOf: (ctx, wanted) => sessionRoute(ctx, this.relayParts, wanted),
      ...(chromium && decideSandbox(config, chromium) === 'off' && { notice: NO_SANDBOX }),
    })
  }

  async #openNode(): Promise<void> {
    const { chromium, config, home, users, log } = this.#options
    if (!chromium) throw new Error('the node role needs a browser')
    this.#node = await BrowserNode.open({
      ...{ config, home, users, chromium, log, clock: this.#clock, newId: this.#parts.newId },
      sinkOf: ({ id, accountId }) => storeSink(this.#store, accountId, id),
      deliver: async (instanceId, entries) => this.#desk?.take(instanceId, entries),
      openTunnel: new SessionTunnels({ clock: this.#clock, wayOf: this.#ownWays() }).open,
    })
  }

  #ownWays() {
    return ownWays({
      ...{ context: () => this.systemContext(), parts: this.relayParts },
      relay: () => this.#relay?.relay,
      instanceId: () => this.#node!.sessions.instanceId,
    })
  }

  /** The browsers of this process beat like every other node, and need no credential. */
  async #beatOwn(node: NodeSessions): Promise<void> {
    const { max, taken, draining, sessions } = node.facts
    const facts = { draining, capacity: max, sessions: taken, version: VERSION }
    const ctx = this.systemContext()
    this.#builtin ??= await ensureBuiltin(ctx, node.instanceId, facts)
    const beatAnswer = await beat(ctx, this.#fleet!, this.#builtin, {
      ...{ facts, sequence: ++this.#beats, sessions: sessions.map(({ id }) => id) },
    })
    this.#beats = Math.max(this.#beats, beatAnswer.sequence)
    if (beatAnswer.drain !== draining) node.drain(beatAnswer.drain)
  }

  #openFleet(): void {
    const { config, home, log } = this.#options
    this.#fleet = openFleetParts({
      ...{ config, home, log, keyring: this.#keyring, db: this.#pool.db },
      url: () => this.url,
      desk: () => this.#desk,
    })
  }

  #fleetParts(): FleetParts {
    if (!this.#fleet) throw new Error('the fleet is not open yet')
    return this.#fleet
  }

  async #openWorker(): Promise<void> {
    const { log } = this.#options
    await this.#jobs.work(this.contextFor)
    this.#readers = new EventReaders({
      db: this.#pool.db,
      readers: this.capabilities.flatMap((capability) => capability.reacts ?? []),
      doorbell: this.#doorbell,
      contextFor: this.contextFor,
      log: log.category('events'),
    })
    await this.#readers.start()
    this.#loops.use(keepChain(this.systemContext(), this.#doorbell))
    this.#loops.use(keepFleet(this.systemContext(), this.#fleetAndJobs()))
    this.#loops.use(keepRelays(this.systemContext(), this.relayParts))
  }

  async #openRelay(): Promise<void> {
    const { config, home, log } = this.#options
    const { RelayDesk } = await import('./relay-desk.ts')
    this.#relay = await RelayDesk.open({
      ...{ config, home, log, clock: this.#clock, parts: this.relayParts },
      certificates: this.#certificates,
      context: this.systemContext(),
      hasOtherMachines: () => (this.#desk?.runtime.nodes.others ?? 0) > 0,
    })
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

  async #openApi(): Promise<void> {
    const { config, log } = this.#options
    this.#front = await Front.open({
      ...{ config, log, telemetry: this.telemetry, addresses: this.#addresses },
      ...{ callers: this.#callers, clock: this.#clock },
      capabilities: this.capabilities,
      contextFor: this.contextFor,
      runtime: () => this.#desk!.runtime,
      hosts: this.#relay?.relay,
      certificates: this.#certificates,
      url: () => this.url,
      objects: objectHandler({
        store: this.#store,
        signingKey: this.#keyring.derive('object URLs'),
        clock: this.#clock,
      }),
    })
    this.#loops.use(judgeNodes(this.systemContext(), this.#fleetAndJobs()))
    this.#loops.use(judgeRelays(this.systemContext(), this.relayParts))
    const url = await this.#front.listen()
    this.url = config.PUBLIC_URL ?? url
    this.#relay?.start(this.url)
  }

  #fleetAndJobs() {
    const capability = this.capabilities.find(({ name }) => name === 'fleet')
    const { jobsByName } = capability as ReturnType<typeof fleet>
    return { parts: this.#fleetParts(), jobs: jobsByName }
  }

  #platformParts() {
    const { config } = this.#options
    return {
      version: VERSION,
      roles: config.ROLES,
      environment: config.NODE_ENV,
      startedAt: this.#startedAt,
      capabilities: this.capabilities,
      document: () => document(this.capabilities),
      telemetry: this.telemetry,
      metrics: { allow: config.METRICS_ALLOW, token: config.METRICS_TOKEN },
      store: this.#store,
      jobs: this.#jobs,
      readerStates: async () => this.#readers?.states() ?? [],
      stopping: this.#draining.signal,
    }
  }

  #operationsParts() {
    return {
      jobs: this.#jobs,
      settings: this.#settings,
      problemCounts: this.#problemCounts,
      recoveryActions: [reapBrowsers(() => this.#desk?.runtime)],
      stopping: this.#draining.signal,
    }
  }

  async #closeServices(): Promise<void> {
    await this.#mail?.[Symbol.asyncDispose]()
    await this.#front?.closeNotes()
    await this.#unsealFailures?.[Symbol.asyncDispose]()
    await this.#problemCounts?.[Symbol.asyncDispose]()
    await this.#settings?.[Symbol.asyncDispose]()
    await this.#identity?.[Symbol.asyncDispose]()
    await this.#addresses?.[Symbol.asyncDispose]()
    await this.#sealingKeys?.[Symbol.asyncDispose]()
    this.#kms[Symbol.dispose]()
    await this.#store?.[Symbol.asyncDispose]()
  }
}
