import { sql } from 'kysely'
import type { Clock } from '#kernel/clock.ts'
import type { Actor, Context } from '#kernel/context.ts'
import type { DatabaseAddress } from '#kernel/db.ts'
import { openTestKernel, type TestKernel } from '#kernel/test-kernel.ts'
import { createSession } from './create.ts'
import {
  type OpenedSession,
  NodeFull,
  NotOnNode,
  type SessionNode,
  type SessionSpec,
  type SpecChange,
} from './node/session-node.ts'
import { SessionQueue } from './queue.ts'
import { BrowserRuntime } from './runtime.ts'
import type { CreateSession } from './schema.ts'
import { takeReports } from './reports.ts'
import { reconcile } from './reconcile.ts'
import type { SessionRow } from './tables.ts'

export const CLEAN = { processes: 0, directories: 0, sockets: 0 }

/** A clock that can be put forward; otherwise it goes as time does. */
export class ForwardClock implements Clock {
  #ahead = 0

  now(): Date {
    return new Date(Date.now() + this.#ahead)
  }

  monotonicMs(): number {
    return performance.now() + this.#ahead
  }

  advance(ms: number): void {
    this.#ahead += ms
  }
}

export type Fate = 'opens' | 'refuses' | 'fails' | 'hangs'

/** A machine without browsers: what becomes of a launch is decided beforehand. */
export class TestNode implements SessionNode {
  readonly instanceId: string
  readonly live = new Set<string>()
  readonly opening = new Map<string, PromiseWithResolvers<OpenedSession>>()
  /** Every launch that was begun, in its order. */
  readonly begun: string[] = []
  /** Launches that came to a browser. */
  readonly opened: string[] = []
  readonly changes: SpecChange[] = []
  /** Fates of the next launches; they open when there are no more. */
  readonly fates: Fate[] = []
  /** Looked at before a change is taken. */
  beforeChange: (change: SpecChange) => Promise<void> = async () => {}
  places: number
  /** The one user that may have them; everybody unless given. */
  onlyFor: string | undefined
  /** As the last beat has it, where this is another machine. */
  saidFree: number | undefined

  constructor(instanceId: string, places: number) {
    this.instanceId = instanceId
    this.places = places
  }

  get free(): number {
    return this.saidFree ?? Math.max(0, this.places - this.live.size - this.opening.size)
  }

  async open({ id }: SessionSpec, signal?: AbortSignal): Promise<OpenedSession> {
    this.begun.push(id)
    const fate = this.fates.shift() ?? 'opens'
    const isFull = this.live.size + this.opening.size >= this.places
    if (fate === 'refuses' || isFull) throw new NodeFull('no place', 1)
    const opening = Promise.withResolvers<OpenedSession>()
    this.opening.set(id, opening)
    const abort = () => opening.reject(new Error('the launch was aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    if (fate === 'fails') setImmediate(() => opening.reject(new Error('no such browser')))
    if (fate === 'opens') setImmediate(() => opening.resolve({ warm: false }))
    try {
      const done = await opening.promise
      this.live.add(id)
      this.opened.push(id)
      return done
    } finally {
      this.opening.delete(id)
      signal?.removeEventListener('abort', abort)
    }
  }

  async end(id: string) {
    this.live.delete(id)
    this.opening.get(id)?.reject(new Error('it was ended'))
    return CLEAN
  }

  async change(id: string, change: SpecChange): Promise<void> {
    await this.beforeChange(change)
    if (!this.live.has(id)) throw new NotOnNode(id)
    this.changes.push(change)
  }

  /** What hangs opens after all. */
  release(): void {
    for (const opening of this.opening.values()) opening.resolve({ warm: false })
  }

  call = unused
  openDownload = unused
  connect = unused
  follow = unused
}

const unused = () => Promise.reject(new Error('not in this test'))

/** One process of the API, its queue included. */
export class TestDesk implements AsyncDisposable {
  readonly kernel: TestKernel
  readonly runtime: BrowserRuntime
  readonly nodes: readonly TestNode[]
  readonly stopping = new AbortController()
  readonly #queue: SessionQueue

  static async open(address: DatabaseAddress, clock: Clock, nodes: readonly TestNode[]) {
    return new TestDesk(await openTestKernel({ address, clock }), clock, nodes)
  }

  /** Calls that have fallen silent are given up without any grace. */
  private constructor(kernel: TestKernel, clock: Clock, nodes: readonly TestNode[]) {
    this.kernel = kernel
    this.nodes = nodes
    const { log } = kernel
    this.runtime = new BrowserRuntime({
      ...{ log, stopping: this.stopping.signal, own: () => undefined },
      nodes: {
        candidates: async (_ctx: unknown, userId: string) =>
          nodes.filter(({ free, onlyFor }) => free > 0 && (onlyFor ?? userId) === userId),
        get: (id: string) => nodes.find(({ instanceId }) => instanceId === id),
        isHopeless: async () => false,
        isDiskLeft: async () => true,
      },
      recorder: { flush: async () => {}, record() {}, [Symbol.asyncDispose]: async () => {} },
    } as unknown as ConstructorParameters<typeof BrowserRuntime>[0])
    const contextFor = (accountId?: string) => this.system(accountId)
    this.#queue = new SessionQueue({ runtime: this.runtime, clock, log, contextFor, graceMs: 0 })
  }

  /** From now on it serves the queue. */
  start(): void {
    this.#queue.start()
  }

  system(accountId?: string): Context {
    const actor: Actor = { kind: 'system', name: 'test' }
    return this.kernel.contextFor({ actor, ...(accountId && { accountId }) })
  }

  create(accountId: string, input: CreateSession = {}, signal?: AbortSignal): Promise<SessionRow> {
    const userId = `usr_${accountId}`
    const actor: Actor = { kind: 'user', userId, accountId, roles: [], signInId: 'sin_test' }
    const ctx = this.kernel.contextFor({ actor, ...(signal && { signal }) })
    return createSession(ctx, this.runtime, input)
  }

  async row(id: string): Promise<SessionRow> {
    const rows = await this.rows()
    return rows.find((row) => row.id === id)!
  }

  rows(): Promise<SessionRow[]> {
    return this.system().db.selectFrom('browserSessions').selectAll().orderBy('id').execute()
  }

  /** Makes a session that a call waits for, or has waited for, look as if that call's process were gone. */
  async silence(id: string): Promise<void> {
    const past = sql<Date>`now() - interval '1 second'`
    await this.system()
      .db.updateTable('browserSessions')
      .set({ awaitedUntil: past })
      .where('id', '=', id)
      .where('endedAt', 'is', null)
      .execute()
  }

  /** What the beat of a machine does at this process. */
  async beat(node: TestNode): Promise<void> {
    const ids = [...node.live, ...node.opening.keys()]
    const sessions = () => ids.map((id) => ({ id, lastActivityMs: 0 }))
    const { instanceId } = node
    const over = await reconcile(this.system(), this.runtime, { instanceId, sessions, own: false })
    await Promise.all(over.map((id) => node.end(id)))
  }

  /** The browser of a session crashes, and its machine tells so. */
  async crash(node: TestNode, id: string): Promise<void> {
    const { accountId } = await this.row(id)
    node.live.delete(id)
    const about = { sessionId: id, accountId, atMs: 0, kind: 'ended', wipe: CLEAN } as const
    const sequence = ++reported
    await takeReports(this.system(), node.instanceId, [
      { sequence, report: { ...about, reason: 'crashed' } },
    ])
    this.runtime.onPlace()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping.abort()
    for (const node of this.nodes) node.release()
    await this.#queue[Symbol.asyncDispose]()
    await this.kernel[Symbol.asyncDispose]()
  }
}

let reported = 0

/** An account with one user, `usr_<id of the account>`. */
export async function addAccount({ db }: TestKernel, id: string): Promise<void> {
  const now = new Date()
  const times = { createdAt: now, updatedAt: now }
  await db
    .insertInto('accounts')
    .values({ id, name: id, kind: 'personal', ...times })
    .execute()
  await db
    .insertInto('users')
    .values({
      ...{ id: `usr_${id}`, email: `${id}@a.test`, emailKey: `${id}@a.test`, accountId: id },
      ...{ passwordHash: '$argon2id$x', firstName: null, lastName: null, lastLoginAt: null },
      settings: '{}',
      ...times,
    })
    .execute()
}
