import {
  type NodeDirectory,
  type NodeSessions,
  openOn,
  openRemoteNode,
  type RemoteNode,
  type SessionNode,
} from '#browsers/index.ts'
import {
  isDiskLeft,
  type Place,
  placesFor,
  poolMayGrow,
  type Reachable,
  reachableNodes,
} from '#fleet/index.ts'
import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'

export interface FleetDirectoryOptions {
  /** The node of this process. */
  own(): NodeSessions | undefined
  /** A token for calls to this machine about this session. */
  tokenFor(instanceId: string, sessionId: string): Promise<string>
  context: Context
  log: Logger
}

interface Known {
  facts: Reachable
  node: RemoteNode
}

const LOOK_EVERY_MS = 2_000

/** The machines of the fleet, as sessions are placed on them; at most 2 s behind what the database has. */
export class FleetDirectory implements NodeDirectory, AsyncDisposable {
  readonly #options: FleetDirectoryOptions
  readonly #known = new Map<string, Known>()
  readonly #looking: Ticker
  #lookingNow: Promise<void> | undefined

  constructor(options: FleetDirectoryOptions) {
    this.#options = options
    const work = () => this.#look()
    const { log } = options
    this.#looking = new Ticker({ name: 'look at the fleet', everyMs: LOOK_EVERY_MS, log, work })
  }

  async start(): Promise<void> {
    await this.#look()
    this.#looking.start()
  }

  /** Where there is only this process, nobody has to be asked. */
  async candidates(ctx: Context, userId: string): Promise<readonly SessionNode[]> {
    const own = this.#options.own()
    if (this.#known.size === 0) return own && own.free > 0 ? [own] : []
    const places = await placesFor(ctx, userId)
    if (places.some(({ instanceId, url }) => url && !this.get(instanceId))) await this.#look()
    await this.#count(ctx, places)
    return places
      .map(({ instanceId }) => this.get(instanceId))
      .filter((node) => node !== undefined)
      .filter(({ free }) => free > 0)
  }

  /** What has been placed since the last beat of a machine takes its room too, whoever has placed it. */
  async #count(ctx: Context, places: readonly Place[]): Promise<void> {
    const open = await openOn(
      ctx,
      places.map(({ instanceId }) => instanceId),
    )
    for (const { instanceId, capacity, sessions } of places) {
      const known = this.#known.get(instanceId)
      const taken = Math.max(sessions, open.get(instanceId) ?? 0)
      if (known) known.facts = { ...known.facts, free: Math.max(0, capacity - taken) }
    }
  }

  /** Neither is there a machine, nor may the pool launch one. */
  async isHopeless(ctx: Context): Promise<boolean> {
    if (this.#options.own()) return false
    if (this.#known.size === 0) await this.#look()
    return this.#known.size === 0 && !(await this.mayGrow(ctx))
  }

  isDiskLeft(ctx: Context): Promise<boolean> {
    const own = this.#options.own()
    return own && !own.host.isDiskFull ? Promise.resolve(true) : isDiskLeft(ctx, own?.instanceId)
  }

  mayGrow(ctx: Context): Promise<boolean> {
    return poolMayGrow(ctx)
  }

  get others(): number {
    return this.#known.size
  }

  get(instanceId: string): SessionNode | undefined {
    const own = this.#options.own()
    return own?.instanceId === instanceId ? own : this.#known.get(instanceId)?.node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
    await Promise.all([...this.#known.values()].map(({ node }) => node[Symbol.asyncDispose]()))
  }

  /** Of two at once the one that began earlier could otherwise let go of a machine that the other has found. */
  #look(): Promise<void> {
    this.#lookingNow ??= this.#lookAgain().finally(() => (this.#lookingNow = undefined))
    return this.#lookingNow
  }

  async #lookAgain(): Promise<void> {
    const found = await reachableNodes(this.#options.context)
    for (const facts of found) await this.#keep(facts)
    const there = new Set(found.map(({ instanceId }) => instanceId))
    for (const [instanceId, { node }] of this.#known) {
      if (there.has(instanceId)) continue
      this.#known.delete(instanceId)
      void node[Symbol.asyncDispose]()
    }
  }

  async #keep(facts: Reachable): Promise<void> {
    const { instanceId, url, fingerprint } = facts
    const known = this.#known.get(instanceId)
    if (known?.facts.url === url && known.facts.fingerprint === fingerprint) {
      known.facts = facts
      return
    }
    const node = await openRemoteNode({
      ...{ instanceId, url, fingerprint, log: this.#options.log },
      tokenFor: (sessionId) => this.#options.tokenFor(instanceId, sessionId),
      free: () => this.#known.get(instanceId)?.facts.free ?? 0,
    })
    this.#known.set(instanceId, { facts, node })
    void known?.node[Symbol.asyncDispose]()
  }
}
