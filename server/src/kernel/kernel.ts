import { randomUUID } from 'node:crypto'
import type { Client } from './client.ts'
import type { Actor, Context } from './context.ts'
import type { Clock } from './clock.ts'
import type { Keyring } from './crypto.ts'
import type { Db } from './db.ts'
import { type EventLog, type Fact, fact } from './events.ts'
import type { Cursors } from './http/cursor.ts'
import type { NewId } from './ids.ts'
import type { JobQueue } from './jobs.ts'
import type { Log, Logger } from './log.ts'
import type { Telemetry } from './telemetry.ts'
import { inTransaction } from './transaction.ts'

/** The mechanisms that every context is made of; built once in `core.ts`. */
export interface KernelParts {
  db: Db
  clock: Clock
  newId: NewId
  log: Log
  events: Pick<EventLog, 'write' | 'wake'>
  jobs: Pick<JobQueue, 'send' | 'wake'>
  telemetry: Telemetry
  cursors: Cursors
  keyring: Keyring
  /** Known once the process listens. */
  publicUrl(): string
  settings: Context['settings']
  /** Aborted when the process stops. */
  stopping: AbortSignal
}

/** What differs from one context to the next. */
export interface Situation {
  actor: Actor
  accountId?: string
  correlationId?: string
  /** Where the request comes from; written with each event that it causes. */
  client?: Client
  signal?: AbortSignal
  /** Called by `ctx.remember` in the transaction that makes the resource. */
  remember?: (db: Db, resourceId: string) => Promise<void>
  /** Makes the logger, whose fields every line of this context carries; most contexts never write a line. */
  log?: () => Logger
}

/** Makes the context of one request, job, reader or socket. */
export function makeContext(parts: KernelParts, situation: Situation): Context {
  const correlationId = situation.correlationId ?? randomUUID()
  const { actor } = situation
  return build(parts, {
    ...situation,
    correlationId,
    accountId: situation.accountId ?? ('accountId' in actor ? actor.accountId : undefined),
    log: once(situation.log ?? (() => parts.log.category('app').child({ correlationId }))),
    signal: situation.signal ?? parts.stopping,
  })
}

type Settled = Situation & { correlationId: string; log: () => Logger; signal: AbortSignal }

/** One open transaction: its connection and what to do once it is in. */
interface Open {
  db: Db
  afterCommit: (() => void)[]
}

function build(parts: KernelParts, situation: Settled, open?: Open): Context {
  const db = open?.db ?? parts.db
  const wake = (call: () => void) => {
    if (!open) call()
    else if (!open.afterCommit.includes(call)) open.afterCommit.push(call)
  }
  const emitAll = async (facts: readonly Fact[]) => {
    if (!open) throw new Error(`event ${facts[0]?.kind.name} announced outside of a transaction`)
    await parts.events.write(db, situation, facts)
    for (const { kind } of facts) open.afterCommit.push(() => parts.telemetry.event(kind.name))
    wake(parts.events.wake)
  }
  const ctx: Context = Object.assign(new Lazy(parts, situation), {
    db,
    clock: parts.clock,
    newId: parts.newId,
    cursors: parts.cursors,
    keyring: parts.keyring,
    settings: parts.settings,
    actor: situation.actor,
    correlationId: situation.correlationId,
    signal: situation.signal,
    events: {
      emit: (kind, data) => emitAll([fact(kind, data)]),
      emitAll,
    },
    jobs: {
      send: async (job, input, options) => {
        const id = await parts.jobs.send(db, situation, job, input, options)
        if (id) wake(parts.jobs.wake)
        return id
      },
    },
    transaction: (work) => (open ? work(ctx) : transact(parts, situation, work)),
    afterCommit: (effect) => (open ? void open.afterCommit.push(effect) : effect()),
    with: (change) => build(parts, { ...situation, ...change, ...logOf(situation, change) }, open),
    actingFor: (accountId) => build(parts, { ...situation, accountId }, open),
    remember: async (resourceId) => situation.remember?.(db, resourceId),
  } satisfies Omit<Context, keyof Lazy>)
  return ctx
}

/**
 * What a context works out when it is asked. On a prototype: an object literal with getters has a hidden class of its own, which keeps
 * alive all that the getters close over, here the whole request, until the next full collection.
 */
class Lazy {
  readonly #parts: KernelParts
  readonly #situation: Settled

  constructor(parts: KernelParts, situation: Settled) {
    this.#parts = parts
    this.#situation = situation
  }

  get publicUrl(): string {
    return this.#parts.publicUrl()
  }

  get log(): Logger {
    return this.#situation.log()
  }

  get accountId(): string {
    const { accountId } = this.#situation
    if (!accountId) throw new Error('this context acts for no account')
    return accountId
  }
}

/** Lines carry the correlation id of what they are about. */
function logOf({ log }: Settled, { correlationId }: Partial<Situation>) {
  return correlationId ? { log: once(() => log().child({ correlationId })) } : {}
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

async function transact<Result>(
  parts: KernelParts,
  situation: Settled,
  work: (ctx: Context) => Promise<Result>,
): Promise<Result> {
  const { result, open } = await inTransaction(
    parts.db,
    situation.log(),
    parts.telemetry,
    async (tx) => {
      const open: Open = { db: tx, afterCommit: [] }
      return { result: await work(build(parts, situation, open)), open }
    },
  )
  for (const effect of open.afterCommit) effect()
  return result
}
