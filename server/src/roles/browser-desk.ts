import {
  BrowserRuntime,
  CommandRecorder,
  type Entry,
  type NodeSessions,
  countUnwiped,
  keepWipeIfAny,
  reconcile,
  type RuntimeParts,
  sealedProxies,
  SessionQueue,
  SessionUrls,
  takeReports,
} from '#browsers/index.ts'
import { openAddressGuard } from '#kernel/addresses.ts'
import type { Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { BrowserNode } from './browser-node.ts'
import type { Core } from '../parts/core.ts'
import { FleetDirectory } from './node-directory.ts'
import type { People } from '../parts/people.ts'

export interface DeskOptions extends Pick<RuntimeParts, 'routeOf' | 'notice'> {
  core: Core
  people: People
  /** Tells the fleet how the browsers of this process are. */
  beatOwn(node: NodeSessions): Promise<void>
}

const LOOK_EVERY_MS = 1_000
const BEAT_EVERY_MS = 5_000

/** What a process of the API does for sessions: gives them places, and writes down what becomes of them. */
export class BrowserDesk implements AsyncDisposable {
  readonly runtime: BrowserRuntime
  readonly #contextFor: (accountId?: string) => Context
  readonly #nodes: FleetDirectory
  readonly #queue: SessionQueue
  readonly #looking: Ticker
  readonly #beating: Ticker
  #node: BrowserNode | undefined

  constructor(options: DeskOptions) {
    const { core, people, beatOwn } = options
    const { db, clock } = core
    const log = core.log.category('browsers')
    const contextFor = (accountId?: string) => core.systemContext(accountId)
    const own = () => this.#node?.sessions
    const tokenFor = (instanceId: string, sessionId: string) =>
      people.identity.serviceToken(instanceId, sessionId)
    this.#contextFor = contextFor
    this.#nodes = new FleetDirectory({ own, tokenFor, log, context: contextFor() })
    this.runtime = new BrowserRuntime({
      ...runtimeParts(options),
      ...{ log, own, nodes: this.#nodes, recorder: new CommandRecorder(db, log) },
    })
    this.#queue = new SessionQueue({ runtime: this.runtime, clock, log, contextFor })
    const look = () => this.#look()
    this.#looking = new Ticker({ name: 'look', everyMs: LOOK_EVERY_MS, log, work: look })
    const beat = async () => this.#own && beatOwn(this.#own)
    this.#beating = new Ticker({ name: 'beat', everyMs: BEAT_EVERY_MS, log, work: beat })
  }

  /** Writes down what a node has to tell. */
  async take(instanceId: string, entries: readonly Entry[]): Promise<void> {
    await takeReports(this.#contextFor(), instanceId, entries)
    this.runtime.onPlace()
  }

  /** From now on the browsers of this process take sessions too. */
  async start(node?: BrowserNode): Promise<void> {
    this.#node = node
    await this.#nodes.start()
    await this.#look()
    if (this.#own) await countUnwiped(this.#contextFor(), this.runtime, this.#own.instanceId)
    this.#looking.start()
    this.#beating.start()
    this.#queue.start()
  }

  /** Gives out no more places. */
  async stop(): Promise<void> {
    await this.#queue[Symbol.asyncDispose]()
    await this.#looking[Symbol.asyncDispose]()
    await this.#beating[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#nodes[Symbol.asyncDispose]()
    await this.runtime[Symbol.asyncDispose]()
  }

  get #own() {
    return this.#node?.sessions
  }

  /** Ends a browser here whose row has ended, and keeps the proof of that. */
  async #endLeft(id: string): Promise<void> {
    const own = this.#own
    const accountId = own?.get(id)?.spec.accountId
    if (!own || accountId === undefined) return
    await keepWipeIfAny(this.#contextFor(accountId), id, await own.end(id))
  }

  /** Brings the rows and the browsers of this process together. */
  async #look(): Promise<void> {
    const own = this.#own
    if (!own) return
    const { instanceId } = own
    const sessions = () => own.facts.sessions
    const ended = await reconcile(this.#contextFor(), this.runtime, {
      ...{ instanceId, sessions, own: true },
    })
    await Promise.all(ended.map((id) => this.#endLeft(id)))
  }
}

/** What commands and sockets of sessions work with, beside the machines. */
function runtimeParts({ core, people, routeOf, notice }: DeskOptions) {
  const { config, keyring, store, draining: stopping } = core
  const { callers } = people
  return {
    ...{ store, stopping, routeOf, ...(notice && { notice }) },
    urls: new SessionUrls({ key: keyring.derive('session URLs'), publicUrl: () => core.url }),
    guard: openAddressGuard({ allow: config.EGRESS_ALLOW }),
    vault: proxyVault(keyring),
    keyHolder: (key, ip, account) => callers.ofKey(key, ip, account),
    authenticate: (authorization, ip, account) => callers.ofHeader(authorization, ip, account),
  } satisfies Partial<RuntimeParts>
}

function proxyVault(keyring: Keyring): RuntimeParts['vault'] {
  const { purpose, place } = sealedProxies
  return {
    seal: (id, secret) => keyring.seal(purpose, place(id), Buffer.from(secret)),
    open: (id, sealed) => keyring.open(purpose, place(id), sealed).toString(),
  }
}
