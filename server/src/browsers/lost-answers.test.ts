import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import pg from 'pg'
import { bindKey, claimKey } from '#kernel/http/idempotency.ts'
import { Problem } from '#kernel/problem.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { createSession } from './create.ts'
import type { Reservation } from './node/reservation.ts'
import type { SessionSpec } from './node/session-node.ts'
import type { CreateSession } from './schema.ts'
import { endSession } from './service.ts'
import { answerLoser } from './test-lost-answers.ts'
import { addAccount, ForwardClock, TestDesk, TestNode } from './test-places.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { address } = stack.use(await cloneDatabase())
const clock = new ForwardClock()
const ANN = 'acc_ann'

/** A machine in the process of the API, with a browser ready whenever it has a place. */
class ReadyNode extends TestNode {
  readonly host = { isReady: () => this.free > 0 }

  reserve({ id }: SessionSpec): Reservation {
    this.live.add(id)
    const take = async () => {
      if (this.fates.shift() === 'fails') throw new Error('the browser has ended')
    }
    return { claimed: Promise.resolve(), take, drop: async () => void this.end(id) }
  }

  get(id: string) {
    return this.live.has(id) ? { browser: { pid: process.pid } } : undefined
  }
}

const node = new TestNode('ins_1', 0)
const spare = new TestNode('ins_2', 0)
const ready = new ReadyNode('ins_own', 0)
const desk = stack.use(await TestDesk.open(address, clock, [ready, node, spare]))
Object.defineProperty(desk.runtime, 'own', { value: ready })
await addAccount(desk.kernel, ANN)
const ctx = desk.system(ANN)
const operator = new pg.Client(address)
await operator.connect()
stack.defer(() => operator.end())

afterEach(async () => {
  for (const one of [ready, node, spare]) one.places = 0
  for (const { id, endedAt } of await desk.rows()) {
    if (!endedAt) await endSession(ctx, desk.runtime, id, 'asked')
  }
})

const loseAnswer = answerLoser(desk.kernel.pool)

/** Creates a session as a request with an idempotency key does. `isBound` tells whether a repeat would find what it made. */
async function keyedCreate(input: CreateSession = {}) {
  const key = `key-${++keys}`
  const claim = {
    id: `clm_${keys}`,
    accountId: ANN,
    route: 'POST /v1/sessions',
    key,
    requestHash: 'h',
    lockMs: 60_000,
  }
  const { db } = desk.kernel
  await claimKey(db, clock, claim)
  const person = { userId: `usr_${ANN}`, accountId: ANN, roles: [], signInId: 'sin_1' }
  const keyed = desk.kernel.contextFor({
    actor: { kind: 'user', ...person },
    remember: (db, id) => bindKey(db, claim, id, 201),
  })
  const creating = createSession(keyed, desk.runtime, input)
  creating.catch(() => {})
  const text = 'select 1 from idempotency_keys where key = $1 and resource_id is not null'
  const isBound = async () => (await operator.query(text, [key])).rowCount === 1
  return { creating, isBound }
}
let keys = 0

const newest = async () => (await desk.rows()).at(-1)!

const endsOf = async (id: string) => {
  const text = `select 1 from events where kind = 'session.ended' and data->>'id' = $1`
  return (await operator.query(text, [id])).rowCount
}

test('a session that was written as active without anybody knowing ends, and gives its key back', async () => {
  ready.places = 1
  const lost = loseAnswer(/insert into "browser_sessions"/)
  const { creating, isBound } = await keyedCreate()
  await assert.rejects(creating, /Connection terminated/)
  assert.ok(lost.done)
  const { id, endReason, startedAt, wipe } = await newest()
  assert.ok(startedAt, 'it had been written')
  assert.deepEqual([endReason, wipe?.processes], ['launch_failed', 0])
  assert.equal(await endsOf(id), 1)
  assert.equal(ready.live.size, 0)
  assert.ok(!(await isBound()))
})

test('a browser of which nobody can write down that it runs ends, and so does its session', async () => {
  node.places = 1
  const lost = loseAnswer(/update "browser_sessions" set "status" = \$1, "started_at"/, () => {
    clock.advance(60_000)
  })
  const { creating, isBound } = await keyedCreate()
  await assert.rejects(creating, /Connection terminated/)
  assert.ok(lost.done)
  const { id, endReason, startedAt } = await newest()
  assert.ok(startedAt, 'it had been written')
  assert.equal(endReason, 'launch_failed')
  assert.equal(await endsOf(id), 1)
  assert.deepEqual([node.opened.at(-1), node.live.size], [id, 0])
  assert.ok(!(await isBound()))
})

test('a failed launch is told as one although the answer to its end was lost', async () => {
  node.places = 1
  node.fates.push('fails')
  const lost = loseAnswer(/update "browser_sessions" set "status" = \$1, "end_reason"/)
  const { creating, isBound } = await keyedCreate()
  await assert.rejects(creating, (error) => {
    return error instanceof Problem && error.code === 'browser.launch_failed'
  })
  assert.ok(lost.done)
  const { id, endReason } = await newest()
  assert.equal(endReason, 'launch_failed')
  assert.equal(await endsOf(id), 1)
  assert.ok(!(await isBound()))
})

test('a browser that was ready and has ended by the time its row is written leaves its key free', async () => {
  ready.places = 1
  ready.fates.push('fails')
  const { creating, isBound } = await keyedCreate()
  await assert.rejects(creating, (error) => {
    return error instanceof Problem && error.code === 'browser.launch_failed'
  })
  const { id, startedAt, endReason } = await newest()
  assert.ok(startedAt, 'it had been written')
  assert.deepEqual([endReason, await endsOf(id), ready.live.size], ['launch_failed', 1, 0])
  assert.ok(!(await isBound()))
})

test('a session that moves to another machine starts there once, also when the answer to the move was lost', async () => {
  node.places = 1
  spare.places = 1
  node.fates.push('refuses')
  const lost = loseAnswer(/update "browser_sessions" set "instance_id"/)
  const { id, status, instanceId } = await desk.create(ANN)
  assert.ok(lost.done)
  assert.deepEqual([status, instanceId], ['active', spare.instanceId])
  assert.deepEqual(spare.opened, [id])
})

test('a session that goes back to the queue waits there, also when the answer to that was lost', async () => {
  node.places = 1
  node.fates.push('refuses')
  const lost = loseAnswer(/update "browser_sessions" set "status" = \$1, "instance_id"/)
  const { creating, isBound } = await keyedCreate({ queueTimeoutSeconds: 600, wait: false })
  const { id, status } = await creating
  assert.ok(lost.done)
  assert.equal(status, 'queued')
  const row = await newest()
  assert.deepEqual([row.id, row.status, row.instanceId], [id, 'queued', null])
  assert.ok(await isBound(), 'a repeat finds it')
})

test('no session is ever in the queue for a call that has not said that it waits', async () => {
  await operator.query(`
    create function refuse_unawaited() returns trigger language plpgsql as $$ begin
      if exists (select 1 from browser_sessions
        where id = new.id and status = 'queued' and awaited_until is null) then
        raise 'nobody waits for it';
      end if;
      return null;
    end $$;
    create constraint trigger unawaited after insert or update on browser_sessions
      deferrable initially deferred for each row execute function refuse_unawaited()`)
  try {
    node.places = 1
    node.fates.push('refuses')
    const creating = desk.create(ANN, { queueTimeoutSeconds: 600 })
    creating.catch(() => {})
    const { id } = await eventually('it waits', async () => {
      return (await desk.rows()).find(({ status }) => status === 'queued')
    })
    await endSession(ctx, desk.runtime, id, 'asked')
    await assert.rejects(creating, (error) => {
      return error instanceof Problem && error.code === 'session.closed'
    })
  } finally {
    await operator.query('drop trigger unawaited on browser_sessions')
  }
})

test('the key of a session that ends without a browser is free with that end', async () => {
  const { creating, isBound } = await keyedCreate({ queueTimeoutSeconds: 600, wait: false })
  const { id, status } = await creating
  assert.equal(status, 'queued')
  assert.ok(await isBound())
  await endSession(ctx, desk.runtime, id, 'asked')
  assert.ok(!(await isBound()))
})
