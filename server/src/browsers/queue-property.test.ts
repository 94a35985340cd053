import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { endSession } from './service.ts'
import type { SessionRow } from './tables.ts'
import { addAccount, type Fate, ForwardClock, TestDesk, TestNode } from './test-places.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { address } = stack.use(await cloneDatabase())
const clock = new ForwardClock()
const ACCOUNTS = ['acc_a', 'acc_b', 'acc_c'] as const

/** Two processes of the API on one database, and one machine that both reach. */
async function open(places: number) {
  const stack = new AsyncDisposableStack()
  const node = new TestNode(`ins_${++machines}`, places)
  const desks: TestDesk[] = []
  for (let count = 0; count < 2; count++) {
    desks.push(stack.use(await TestDesk.open(address, clock, [node])))
  }
  return { node, desks: desks as [TestDesk, TestDesk], stack }
}
let machines = 0

const founder = stack.use(await TestDesk.open(address, clock, []))
for (const id of ACCOUNTS) await addAccount(founder.kernel, id)

type Step =
  | { do: 'create'; account: number; at: number; seconds: number; fate: Fate; wait: boolean }
  | { do: 'end' | 'crash' | 'silence'; which: number; at: number }
  | { do: 'leave'; which: number }
  | { do: 'pass'; seconds: number }
  | { do: 'beat' | 'release'; at: number }

const at = fc.nat({ max: 1 })
const which = fc.nat({ max: 9 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ do: fc.constant('create' as const), account: fc.nat({ max: 2 }), at },
      seconds: fc.constantFrom(0, 30, 60, 300),
      fate: fc.constantFrom<Fate>('opens', 'opens', 'opens', 'refuses', 'fails', 'hangs'),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('end', 'crash', 'silence'), which, at }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(2, 40) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('beat', 'release'), at }) },
)

test('no session is lost, started twice or left over, whatever happens in whatever order', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 25 })
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 3 }), steps, run)
  await fc.assert(property, { numRuns: 15, endOnFailure: true })
})

async function run(places: number, steps: Step[]): Promise<void> {
  const { node, desks, stack } = await open(places)
  await using _ = stack
  await founder
    .system()
    .db.updateTable('browserSessions')
    .set({ metadata: '{"old":"1"}' })
    .execute()
  for (const desk of desks) desk.start()
  const calls: Promise<unknown>[] = []
  const callers: AbortController[] = []
  let pending = 0
  for (const step of steps) await take(step)
  await settle()
  check(await own(), await Promise.all(calls))

  async function take(step: Step): Promise<void> {
    const desk = desks['at' in step ? step.at : 0]!
    if (step.do === 'create') {
      node.fates.push(step.fate)
      const caller = new AbortController()
      callers.push(caller)
      const input = { queueTimeoutSeconds: step.seconds, wait: step.wait }
      const call = desk.create(ACCOUNTS[step.account]!, input, caller.signal)
      pending++
      calls.push(call.catch((error: unknown) => error).finally(() => pending--))
      // Sometimes the next step finds it under way, sometimes done.
      await new Promise((resolve) => setTimeout(resolve, step.seconds === 30 ? 15 : 0))
    } else if (step.do === 'pass') clock.advance(step.seconds * 1000)
    else if (step.do === 'beat') await desk.beat(node)
    else if (step.do === 'release') node.release()
    else if (step.do === 'leave') callers.at(step.which % callers.length || 0)?.abort()
    else await strike(step as Extract<Step, { which: number }>, desk)
  }

  async function strike(step: Extract<Step, { which: number }>, desk: TestDesk) {
    const ids = step.do === 'crash' ? [...node.live] : (await own()).map(({ id }) => id)
    const id = ids[step.which % Math.max(1, ids.length)]
    if (id === undefined) return
    if (step.do === 'crash') return desk.crash(node, id)
    if (step.do === 'silence') return desk.silence(id)
    const { accountId } = await desk.row(id)
    await endSession(desk.system(accountId), desk.runtime, id, 'asked')
  }

  async function own(): Promise<SessionRow[]> {
    const rows = await founder.rows()
    return rows.filter(({ metadata }) => !('old' in metadata))
  }

  /** Everything has its turn: what hangs goes on, what runs is ended, one after the other. */
  async function settle(): Promise<void> {
    node.fates.length = 0
    await eventually(
      'every session and every call has ended',
      async () => {
        node.release()
        // Before the rows are read: a call that ends after that may have made one.
        const calling = pending
        // What a process ends on its own it wipes a moment later.
        const open = (await own()).filter(({ endedAt, endReason, wipe }) => {
          return !endedAt || (endReason === 'disconnected' && !wipe)
        })
        for (const { id, accountId, status } of open) {
          if (status === 'active') {
            await endSession(desks[0].system(accountId), desks[0].runtime, id, 'asked')
          }
        }
        for (const desk of desks) {
          await desk.beat(node)
          desk.runtime.onPlace()
        }
        clock.advance(500)
        return open.length + node.opening.size + calling === 0
      },
      90_000,
    )
  }

  function check(rows: SessionRow[], answers: unknown[]): void {
    const left = [...node.live, ...node.opening.keys()]
    const theirs = rows.filter(({ id }) => left.includes(id))
    assert.deepEqual(left, [], `a browser is left over: ${JSON.stringify(theirs)}`)
    assert.equal(new Set(node.opened).size, node.opened.length, 'none was started twice')
    for (const { id, startedAt, endReason } of rows) {
      assert.ok(endReason)
      if (startedAt) assert.ok(node.opened.includes(id))
      assert.notEqual(endReason, 'lost', `${id} was lost`)
    }
    const ids = new Set(rows.map(({ id }) => id))
    for (const answer of answers) {
      if (answer instanceof Error) continue
      assert.ok(ids.has((answer as SessionRow).id), 'who was told of a session has one')
    }
    for (const { runtime } of desks) {
      for (const { id } of rows) assert.ok(!runtime.starting.has(id), `${id} counts as starting`)
    }
  }
}

test('places go to accounts in turn, and within a turn to whoever came first', async () => {
  const orders = fc.array(fc.nat({ max: 2 }), { minLength: 3, maxLength: 9 })
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 2 }), orders, inTurn)
  await fc.assert(property, { numRuns: 12, endOnFailure: true })
})

/** With sessions of these accounts waiting, frees one place after the other and looks who gets it. */
async function inTurn(places: number, accounts: number[]): Promise<void> {
  const { node, desks, stack } = await open(places)
  await using _ = stack
  const account = (which: number) => ACCOUNTS[which]!
  const holding: { id: string; accountId: string }[] = []
  for (let count = 0; count < places; count++) holding.push(await desks[0].create('acc_c'))
  const waiting: { id: string; accountId: string }[] = []
  for (const [index, which] of accounts.entries()) {
    const input = { wait: false, queueTimeoutSeconds: 600 }
    const { id, accountId, status } = await desks[index % 2]!.create(account(which), input)
    assert.equal(status, 'queued')
    waiting.push({ id, accountId })
  }
  for (const desk of desks) desk.start()
  while (waiting.length > 0) {
    const { id, accountId } = holding.shift()!
    await endSession(desks[0].system(accountId), desks[0].runtime, id, 'asked')
    const next = nextInTurn(waiting, holding)
    const begun = places + accounts.length - waiting.length
    const got = await eventually('somebody gets the place', () => node.begun[begun])
    assert.equal(got, next.id)
    await eventually('it runs', async () => (await founder.row(got)).status === 'active')
    holding.push(...waiting.splice(waiting.indexOf(next), 1))
  }
  for (const { id, accountId } of holding) {
    await endSession(desks[0].system(accountId), desks[0].runtime, id, 'asked')
  }
}

type Place = { id: string; accountId: string }

/** Who is next: the first session of the account that has the fewest, counting what waits before. */
function nextInTurn(waiting: Place[], holding: Place[]): Place {
  const turns = waiting.map((one, index) => {
    const before = waiting.slice(0, index).filter(({ accountId }) => accountId === one.accountId)
    const open = holding.filter(({ accountId }) => accountId === one.accountId)
    return { one, turn: before.length + open.length }
  })
  return turns.reduce((best, next) => (next.turn < best.turn ? next : best)).one
}
