import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Problem } from '#kernel/problem.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { endSession } from './service.ts'
import { addAccount, ForwardClock, TestDesk, TestNode } from './test-places.ts'
import { UnawaitedSessions } from './unawaited.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { address } = stack.use(await cloneDatabase())
const ANN = 'acc_ann'

const node = new TestNode('ins_1', 0)
/** Two processes of the API; the second one looks after what the first one has left. */
const [here, there] = [
  stack.use(await TestDesk.open(address, new ForwardClock(), [node])),
  stack.use(await TestDesk.open(address, new ForwardClock(), [node])),
]
await addAccount(here.kernel, ANN)
const ctx = here.system(ANN)
const WAIT = { wait: false, queueTimeoutSeconds: 600 }

/** Ends what it has and takes all places, so that the next session waits. */
async function full(): Promise<void> {
  node.places = 0
  for (const { id, endedAt } of await here.rows()) {
    if (!endedAt) await endSession(ctx, here.runtime, id, 'asked')
  }
}

const whenEnded = (id: string) =>
  eventually('it has ended, and what it left was counted', async () => {
    const row = await here.row(id)
    return row.wipe !== null && row
  })

test('after a pause, such as a database that was away, calls have the time to say that they still wait', async () => {
  await full()
  const { id } = await here.create(ANN, WAIT)
  await here.silence(id)
  const clock = new ForwardClock()
  let looks = 0
  const contextFor = (accountId?: string) => (accountId ?? looks++, here.system(accountId))
  const { runtime, kernel } = here
  await using unawaited = new UnawaitedSessions({ runtime, clock, contextFor, log: kernel.log })
  /** Puts the clock forward, and returns whether the session is open after two looks, of which the second began afterwards. */
  const isOpenAfter = async (ms: number) => {
    clock.advance(ms)
    const before = looks
    await eventually('it has looked', () => looks >= before + 2)
    return !(await here.row(id)).endedAt
  }
  unawaited.start()
  assert.ok(await isOpenAfter(0), 'it has only just begun to look')
  assert.ok(await isOpenAfter(60_000), 'it begins anew after a pause')
  const hasEnded = async () => !(await isOpenAfter(2_000))
  await eventually('it is given up', hasEnded, 60_000)
})

test('a session whose waiting call is gone ends, and gives its place in the queue to the next', async () => {
  await full()
  const [gone, next] = [await here.create(ANN, WAIT), await here.create(ANN, WAIT)]
  await here.silence(gone.id)
  node.places = 1
  there.start()
  const { status, endReason, errorMessage, instanceId, wipe } = await whenEnded(gone.id)
  assert.deepEqual([status, endReason, instanceId], ['closed', 'disconnected', null])
  assert.match(errorMessage!, /server process .* ended/)
  assert.deepEqual(wipe, { processes: 0, directories: 0, sockets: 0 })
  await eventually('the next one runs', async () => (await here.row(next.id)).status === 'active')
  assert.ok(!node.begun.includes(gone.id), 'nothing was started for nobody')
})

test('one that was started for a call that is gone ends too, and its browser with it', async () => {
  await full()
  const { id } = await here.create(ANN, WAIT)
  node.places = 1
  await eventually('it runs', () => node.live.has(id))
  await here.silence(id)
  assert.equal((await whenEnded(id)).endReason, 'disconnected')
  await eventually('the browser has ended', () => !node.live.has(id))
})

test('a call that waits says so again and again, and leaves the session to its caller in the end', async () => {
  await full()
  const creating = here.create(ANN, { queueTimeoutSeconds: 600 })
  const waiting = () => here.rows().then((rows) => rows.find(({ status }) => status === 'queued'))
  const { id, awaitedUntil } = await eventually('it waits', waiting)
  assert.ok(awaitedUntil)
  const renewed = async () => (await waiting())!.awaitedUntil!.getTime()
  await eventually(
    'it says so again',
    async () => (await renewed()) > awaitedUntil.getTime() + 3_000,
  )
  node.places = 1
  const answered = await creating
  assert.deepEqual([answered.id, answered.status, answered.awaitedUntil], [id, 'active', null])
})

test('a call whose session was given up as nobody’s is told so', async () => {
  await full()
  const creating = here.create(ANN, { queueTimeoutSeconds: 600 })
  creating.catch(() => {})
  const id = await eventually('it waits', async () => {
    return (await here.rows()).find(({ status }) => status === 'queued')?.id
  })
  const ended = eventually('it was given up', async () => {
    const { endedAt } = await here.row(id)
    if (!endedAt) await here.silence(id)
    return endedAt
  })
  await assert.rejects(creating, (error) => {
    return error instanceof Problem && error.code === 'session.closed'
  })
  await ended
})
