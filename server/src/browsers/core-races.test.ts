import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Context } from '#kernel/context.ts'
import { Problem } from '#kernel/problem.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { lockWaits } from '#test/lock-waits.ts'
import { changeSession } from './change.ts'
import { createSession } from './create.ts'
import { NotOnNode } from './node/session-node.ts'
import { endSession } from './service.ts'
import { addAccount, ForwardClock, TestDesk, TestNode } from './test-places.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { address } = stack.use(await cloneDatabase())
const clock = new ForwardClock()
const ANN = 'acc_ann'

const node = new TestNode('ins_1', 0)
const desk = stack.use(await TestDesk.open(address, clock, [node]))
await addAccount(desk.kernel, ANN)
const ctx = desk.system(ANN)

/** A session that waits, since the machine is full. */
async function queued(seconds = 600): Promise<string> {
  node.places = 0
  const { id } = await desk.create(ANN, { wait: false, queueTimeoutSeconds: seconds })
  return id
}

/** Runs `others` while another process holds the row and is about to write `set`. */
async function meanwhile(id: string, set: object, others: () => Promise<unknown>[]) {
  let running: Promise<unknown>[] = []
  await desk.system().transaction(async (ctx) => {
    await ctx.db.updateTable('browserSessions').set(set).where('id', '=', id).execute()
    running = others()
    await eventually('somebody waits for the row', isWaitedFor)
  })
  await Promise.all(running)
}

async function isWaitedFor(): Promise<boolean> {
  return (await lockWaits(desk.kernel.db)) > 0
}

const codeOf = (code: string) => (error: unknown) => error instanceof Problem && error.code === code

test('the end of a session that gets its machine at that moment reaches the machine', async () => {
  const id = await queued()
  node.live.add(id)
  const placed = { status: 'starting', instanceId: node.instanceId }
  await meanwhile(id, placed, () => [endSession(ctx, desk.runtime, id, 'asked')])
  assert.ok(!node.live.has(id), 'its machine was told')
  assert.equal((await desk.row(id)).endReason, 'asked')
})

test('a session that gets its place at the last moment keeps it', async () => {
  const id = await queued(30)
  clock.advance(31_000)
  const active = { status: 'active', instanceId: node.instanceId, startedAt: clock.now() }
  const serving = stack.use(await TestDesk.open(address, clock, [node]))
  await meanwhile(id, active, () => {
    serving.start()
    return []
  })
  await serving[Symbol.asyncDispose]()
  assert.equal((await desk.row(id)).status, 'active')
  await endSession(ctx, desk.runtime, id, 'asked')
})

test('a session that starts as its caller stops waiting still counts as starting', async () => {
  node.places = 0
  await using serving = await TestDesk.open(address, clock, [node])
  const creating = serving.create(ANN, { queueTimeoutSeconds: 600 })
  const id = await eventually('it waits', async () => {
    return (await serving.rows()).find(({ status }) => status === 'queued')?.id
  })
  node.fates.push('hangs')
  node.places = 1
  serving.start()
  await eventually('it starts', () => node.opening.has(id))
  clock.advance(101_000)
  assert.equal((await creating).status, 'starting')
  assert.ok(serving.runtime.starting.has(id))
  node.release()
  await eventually('it runs', async () => (await serving.row(id)).status === 'active')
  await eventually('the mark is gone', () => !serving.runtime.starting.has(id))
  await endSession(ctx, serving.runtime, id, 'asked')
})

test('what is changed while the browser starts reaches the machine', async () => {
  node.places = 1
  node.fates.push('hangs')
  const creating = desk.create(ANN)
  const [id] = await eventually(
    'it starts',
    () => node.opening.size > 0 && [...node.opening.keys()],
  )
  await changeSession(ctx, desk.runtime, id!, { egress: { deny: ['evil.test'] } })
  node.release()
  await creating
  assert.deepEqual(node.changes.at(-1)?.egress, { deny: ['evil.test'] })
  await endSession(ctx, desk.runtime, id!, 'asked')
})

test('of two changes at once the machine ends up with what the row says', async () => {
  node.places = 1
  const { id } = await desk.create(ANN)
  const overtaken = Promise.withResolvers<void>()
  node.beforeChange = async (change) => {
    if (change.idleSeconds === 100) await overtaken.promise
  }
  const first = changeSession(ctx, desk.runtime, id, { idleTimeoutSeconds: 100 })
  await eventually('the first is written', async () => {
    return (await desk.row(id)).idleTimeoutSeconds === 100
  })
  await changeSession(ctx, desk.runtime, id, { idleTimeoutSeconds: 200 })
  overtaken.resolve()
  await first
  node.beforeChange = async () => {}
  assert.equal(node.changes.at(-1)?.idleSeconds, 200)
  await endSession(ctx, desk.runtime, id, 'asked')
})

test('a change of a session whose browser has just gone is told so', async () => {
  node.places = 1
  const { id } = await desk.create(ANN)
  node.live.delete(id)
  const changing = changeSession(ctx, desk.runtime, id, { idleTimeoutSeconds: 100 })
  await assert.rejects(changing, codeOf('browser.crashed'))
  await endSession(ctx, desk.runtime, id, 'asked')
})

test('a machine that tells nothing of an end keeps who asks for it for a while only, and not one who has gone', async () => {
  const gone = new AbortController()
  const asked: string[] = []
  const missing = (then: () => void) => async (id: string) => {
    asked.push(id)
    then()
    throw new NotOnNode(id)
  }
  const { call } = node
  const end = async (ctx: Context, then: () => void) => {
    node.places = 1
    const { id } = await desk.create(ANN)
    node.call = missing(then) as typeof call
    const { endReason } = await endSession(ctx, desk.runtime, id, 'asked')
    node.call = call
    assert.equal(endReason, 'asked')
    return asked.filter((one) => one === id).length
  }
  assert.ok((await end(ctx, () => clock.advance(1_100))) <= 3)
  assert.equal(await end(ctx.with({ signal: gone.signal }), () => gone.abort()), 1)
})

test('a longer life counts from when the session got its place', async () => {
  const id = await queued()
  const placedAt = new Date(clock.now().getTime() + 500_000)
  const expiresAt = new Date(placedAt.getTime() + 3_600_000)
  const starting = { status: 'starting', instanceId: node.instanceId, expiresAt } as const
  await ctx.db.updateTable('browserSessions').set(starting).where('id', '=', id).execute()
  const changed = await changeSession(ctx, desk.runtime, id, { timeoutSeconds: 60 })
  assert.equal(changed.expiresAt.getTime(), placedAt.getTime() + 60_000)
  await endSession(ctx, desk.runtime, id, 'asked')
})

test('a key of a create that waited is bound to the session, however it came to its place', async () => {
  const bound: string[] = []
  const person = { userId: `usr_${ANN}`, accountId: ANN, roles: [], signInId: 'sin_1' }
  const actor = { kind: 'user', ...person } as const
  const remember = async (_db: unknown, id: string) => void bound.push(id)
  const keyed = desk.kernel.contextFor({ actor, remember })
  node.places = 0
  const waiting = await createSession(keyed, desk.runtime, { wait: false })
  assert.deepEqual(bound, [waiting.id])
  await endSession(ctx, desk.runtime, waiting.id, 'asked')
  await using serving = await TestDesk.open(address, clock, [node])
  serving.start()
  const creating = createSession(keyed, serving.runtime, {})
  await eventually('it waits', async () => {
    return (await desk.rows()).some(({ status }) => status === 'queued')
  })
  node.places = 1
  const { id } = await creating
  assert.deepEqual(bound, [waiting.id, id])
  await endSession(ctx, desk.runtime, id, 'asked')
})

test('a mark is kept as long as anybody holds one', () => {
  const { starting } = desk.runtime
  const [one, other] = [starting.mark('ses_x'), starting.mark('ses_x')]
  one()
  assert.ok(starting.has('ses_x'))
  other()
  assert.ok(!starting.has('ses_x'))
})

test('who has a machine of their own starts there, however many wait for others', async () => {
  node.places = 0
  const crowd = ['acc_crowd_1', 'acc_crowd_2']
  for (const id of [...crowd, 'acc_owner']) await addAccount(desk.kernel, id)
  const waiting = { wait: false, queueTimeoutSeconds: 600 }
  for (let count = 0; count < 30; count++) {
    for (const account of crowd) await desk.create(account, waiting)
  }
  const own: { id: string }[] = []
  for (let count = 0; count < 32; count++) own.push(await desk.create('acc_owner', waiting))
  const machine = new TestNode('ins_own', own.length)
  machine.onlyFor = 'usr_acc_owner'
  await using serving = await TestDesk.open(address, clock, [machine])
  serving.start()
  await eventually('all of them run', () => own.every(({ id }) => machine.live.has(id)))
})
