import { EventEmitter, once } from 'node:events'
import type { AddressGuard } from '#kernel/addresses.ts'
import type { Actor, Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import type { NodeSessions } from './node/node-sessions.ts'
import type { SessionNode } from './node/session-node.ts'
import type { CommandRecorder } from './recorder.ts'
import type { RouteOf } from './tunnel-route.ts'
import type { SessionUrls } from './urls.ts'

/** The machines that host sessions, as far as this process can reach them. */
export interface NodeDirectory {
  /** Those that may take a session of this user now, the best first. */
  candidates(ctx: Context, userId: string): Promise<readonly SessionNode[]>
  get(instanceId: string): SessionNode | undefined
  /** Whether there is no machine and none will come, so that waiting for a place is waiting for nothing. */
  isHopeless(ctx: Context): Promise<boolean>
  /** Whether some machine has the disk for another session, should it have no place for it now. */
  isDiskLeft(ctx: Context): Promise<boolean>
  /** Whether the pool may launch another machine. */
  mayGrow(ctx: Context): Promise<boolean>
  /** How many machines are known beside the one of this process. */
  readonly others: number
}

export interface RuntimeParts {
  nodes: NodeDirectory
  /** The node in this process, if it has one. */
  own(): NodeSessions | undefined
  recorder: CommandRecorder
  /** Where recordings are kept. */
  store: ObjectStore
  urls: SessionUrls
  /** Which addresses customers' traffic may reach, as this process is configured. */
  guard: AddressGuard
  /** Who an API key acts for. @throws Problem */
  keyHolder(apiKey: string, ip: string, account?: unknown): Promise<Actor>
  /** Who an Authorization header speaks for; anonymous without one. @throws Problem */
  authenticate(authorization: string | undefined, ip: string, account?: unknown): Promise<Actor>
  /** Finds a relay for the tunnels of sessions. */
  routeOf: RouteOf
  /** Seals what the rows of sessions hold of others' secrets. */
  vault: SessionVault
  log: Logger
  /** Aborted when this process is about to stop: nobody waits for a place here any more. */
  stopping: AbortSignal
  /** What an operator should know of how the browsers run here; shown in health. */
  notice?: string
}

/** Seals a secret of one session for its row. */
export interface SessionVault {
  seal(sessionId: string, secret: string): Buffer
  open(sessionId: string, sealed: Uint8Array): string
}

/** Sessions that this process is starting: whoever finds their rows leaves them alone. */
export class Starting {
  /** How often each is marked: who waits for a session in the queue may still hold a mark when the queue starts it. */
  readonly #marks = new Map<string, number>()

  has(id: string): boolean {
    return this.#marks.has(id)
  }

  /** Counts as starting until the answer is called. */
  mark(id: string): () => void {
    this.#marks.set(id, (this.#marks.get(id) ?? 0) + 1)
    return () => {
      const left = this.#marks.get(id)! - 1
      if (left > 0) this.#marks.set(id, left)
      else this.#marks.delete(id)
    }
  }
}

/** What the sessions of an installation are served with in a process of the API. */
export class BrowserRuntime implements AsyncDisposable {
  readonly nodes: NodeDirectory
  readonly recorder: CommandRecorder
  readonly store: ObjectStore
  readonly urls: SessionUrls
  readonly guard: AddressGuard
  readonly vault: SessionVault
  readonly routeOf: RouteOf
  readonly keyHolder: RuntimeParts['keyHolder']
  readonly authenticate: RuntimeParts['authenticate']
  readonly stopping: AbortSignal
  readonly notice: string | undefined
  readonly log: Logger
  readonly starting = new Starting()
  /** Machines that are being asked what is left of ended sessions. */
  readonly counting = new Set<string>()
  readonly #own: RuntimeParts['own']
  readonly #changed = new EventEmitter().setMaxListeners(0)
  readonly #opening = new Map<string, Promise<string>>()
  /** Places may have become free, or somebody waits for one. */
  onPlace: () => void = () => {}

  constructor({
    nodes,
    own,
    recorder,
    store,
    urls,
    guard,
    vault,
    routeOf,
    keyHolder,
    authenticate,
    log,
    stopping,
    notice,
  }: RuntimeParts) {
    this.stopping = stopping
    this.store = store
    this.keyHolder = keyHolder
    this.authenticate = authenticate
    this.nodes = nodes
    this.#own = own
    this.recorder = recorder
    this.urls = urls
    this.guard = guard
    this.vault = vault
    this.routeOf = routeOf
    this.log = log
    this.notice = notice
  }

  get own(): NodeSessions | undefined {
    return this.#own()
  }

  /** Wakes those who wait for this session to start. */
  settled(id: string): void {
    this.#changed.emit(id)
  }

  /** Returns when the session has started or failed in this process, or after `ms`: it may have done so in another. */
  async whenSettled(id: string, ms: number, signal: AbortSignal): Promise<void> {
    const signals = [AbortSignal.timeout(ms), signal, this.stopping]
    await once(this.#changed, id, { signal: AbortSignal.any(signals) }).catch(() => {})
    signal.throwIfAborted()
  }

  /** Of many calls for one person at once the first opens and the others get what it opened. */
  openOnce(userId: string, open: () => Promise<string>): Promise<string> {
    const opening = this.#opening.get(userId) ?? open().finally(() => this.#opening.delete(userId))
    this.#opening.set(userId, opening)
    return opening
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recorder[Symbol.asyncDispose]()
  }
}
