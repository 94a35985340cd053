import {
  BrowserRuntime,
  CommandRecorder,
  type Entry,
  type NodeSessions,
  countUnwiped,
  keepWipeIfAny,
  reconcile,
  type RuntimeParts,
  SessionQueue,
  takeReports,
} from '#browsers/index.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { Log } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { BrowserNode } from './browser-node.ts'
import { FleetDirectory } from './node-directory.ts'

export interface DeskOptions extends Pick<
  RuntimeParts,
  | 'store'
  | 'urls'
  | 'guard'
  | 'vault'
  | 'routeOf'
  | 'keyHolder'
  | 'authenticate'
  | 'stopping'
  | 'notice'
> {
  db: Db
  clock: Clock
  log: Log
  /** A token for calls to this machine about this session. */
  tokenFor(instanceId: string, sessionId: string): Promise<string>
  /** Tells the fleet how the browsers of this process are. */
  beatOwn(node: NodeSessions): Promise<void>
  contextFor(accountId?: string): Context
}

const LOOK_EVERY_MS = 1_000
const BEAT_EVERY_MS = 5_000

/** What a process of the API does for sessions: gives them places, and writes down what becomes of them. */
export class BrowserDesk implements AsyncDisposable {
  readonly runtime: BrowserRuntime
  readonly #options: DeskOptions
  readonly #nodes: FleetDirectory
  readonly #queue: SessionQueue
  readonly #looking: Ticker
  readonly #beating: Ticker
  #node: BrowserNode | undefined

  constructor(options: DeskOptions) {
    const { db, clock, contextFor, tokenFor } = options
    const log = options.log.category('browsers')
    this.#options = options
    const own = () => this.#node?.sessions
    this.#nodes = new FleetDirectory({ own, tokenFor, log, context: contextFor() })
    this.runtime = new BrowserRuntime({
      ...options,
      ...{ log, own, nodes: this.#nodes, recorder: new CommandRecorder(db, log) },
    })
    this.#queue = new SessionQueue({ runtime: this.runtime, clock, log, contextFor })
    const look = () => this.#look()
    this.#looking = new Ticker({ name: 'look', everyMs: LOOK_EVERY_MS, log, work: look })
    const beat = async () => this.#own && options.beatOwn(this.#own)
    this.#beating = new Ticker({ name: 'beat', everyMs: BEAT_EVERY_MS, log, work: beat })
  }

  /** Writes down what a node has to tell. */
  async take(instanceId: string, entries: readonly Entry[]): Promise<void> {
    await takeReports(this.#options.contextFor(), instanceId, entries)
    this.runtime.onPlace()
  }

  /** From now on the browsers of this process take sessions too. */
  async start(node?: BrowserNode): Promise<void> {
    this.#node = node
    await this.#nodes.start()
    await this.#look()
    if (this.#own)
      await countUnwiped(this.#options.contextFor(), this.runtime, this.#own.instanceId)
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
    await keepWipeIfAny(this.#options.contextFor(accountId), id, await own.end(id))
  }

  /** Brings the rows and the browsers of this process together. */
  async #look(): Promise<void> {
    const own = this.#own
    if (!own) return
    const { instanceId } = own
    const sessions = () => own.facts.sessions
    const ended = await reconcile(this.#options.contextFor(), this.runtime, {
      ...{ instanceId, sessions, own: true },
    })
    await Promise.all(ended.map((id) => this.#endLeft(id)))
  }
}
