import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { defineEvent, defineReader } from '../events.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())
const { address } = database

const opened = defineEvent('door.opened', 'A door was opened', z.object({ door: z.string() }))
const closed = defineEvent('door.closed', 'A door was closed', z.object({ door: z.string() }))

test('a failing event is tried again alone: those before it are not handled again, those after it wait', async () => {
  await using kernel = await openTestKernel({ address })
  const { ctx, db } = kernel
  let broken = true
  const tries: string[] = []
  const committed: string[] = []
  const reader = defineReader({
    name: 'test.stumble',
    kinds: ['door.opened'],
    from: 'now',
    handle: async (ctx, { data }) => {
      const { door } = data as { door: string }
      tries.push(door)
      if (door === 'jammed' && broken) throw new Error('jammed, Bearer abcdefgh.secret')
      ctx.afterCommit(() => committed.push(door))
    },
  })
  const readers = await kernel.read([reader])
  await ctx.transaction(async (ctx) => {
    for (const door of ['a', 'b', 'jammed', 'c']) await ctx.events.emit(opened, { door })
  })

  const again = () =>
    sql`update event_readers set retry_at = now() where name = ${reader.name}`.execute(db)
  const failures = (count: number) =>
    eventually(`failures: ${count}`, async () => {
      const [state] = await readers.states()
      return state!.failures >= count && state
    })
  await failures(1)
  await again()
  const failed = await failures(2)
  assert.equal(failed.lastError, 'jammed, [redacted]')
  assert.ok(failed.lagSeconds > 0)
  assert.deepEqual(committed, ['a', 'b'])
  assert.deepEqual(tries.slice(0, 5), ['a', 'b', 'jammed', 'a', 'b'])
  assert.deepEqual(new Set(tries.slice(5)), new Set(['jammed']))

  broken = false
  await again()
  await eventually('the rest is read', () => committed.length === 4)
  assert.deepEqual(committed, ['a', 'b', 'jammed', 'c'])
  const passed = { name: reader.name, lagSeconds: 0, failures: 0, lastError: null }
  assert.deepEqual(await readers.states(), [passed])
  assert.deepEqual(await readers.lag(), { [reader.name]: 0 })
})

test('a stop lets the event in hand finish and keeps the place of the next', async () => {
  const entered = Promise.withResolvers<void>()
  const leave = Promise.withResolvers<void>()
  const handled: string[] = []
  const reader = defineReader({
    name: 'test.linger',
    kinds: ['door.closed'],
    from: 'now',
    handle: async (_ctx, { data }) => {
      entered.resolve()
      await leave.promise
      handled.push((data as { door: string }).door)
    },
  })
  const first = await openTestKernel({ address })
  await first.read([reader])
  await first.ctx.transaction(async (ctx) => {
    await ctx.events.emit(closed, { door: 'first' })
    await ctx.events.emit(closed, { door: 'second' })
  })
  await entered.promise
  const stopped = first[Symbol.asyncDispose]()
  leave.resolve()
  await stopped
  assert.deepEqual(handled, ['first'])

  await using second = await openTestKernel({ address })
  await second.read([reader])
  await eventually('the second is read', () => handled.length > 1)
  assert.deepEqual(handled, ['first', 'second'])
})

test('a reader that hangs is told to stop, and its event is handled by the next process', async () => {
  const entered = Promise.withResolvers<AbortSignal>()
  const reader = (handle: (signal: AbortSignal) => Promise<void>) =>
    defineReader({
      name: 'test.hang',
      kinds: ['door.closed'],
      from: 'now',
      handle: (ctx) => handle(ctx.signal),
    })
  const first = await openTestKernel({ address, graceMs: 50 })
  const hang = async (signal: AbortSignal) => {
    entered.resolve(signal)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  await first.read([reader(hang)])
  await first.ctx.transaction((ctx) => ctx.events.emit(closed, { door: 'stuck' }))
  const signal = await entered.promise
  await first[Symbol.asyncDispose]()
  assert.ok(signal.aborted)

  await using second = await openTestKernel({ address })
  let handled = 0
  await second.read([reader(async () => void handled++)])
  await eventually('it is handled', () => handled === 1)
})

test('a handler whose connection is cut is tried again', async () => {
  await using kernel = await openTestKernel({ address })
  let tries = 0
  const reader = defineReader({
    name: 'test.cut',
    kinds: ['door.closed'],
    from: 'now',
    handle: async (ctx) => {
      if (++tries > 1) return
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(ctx.db)
      await asOwner(`select pg_terminate_backend(${rows[0]!.pid}, 5000)`)
      await ctx.db.selectFrom('eventReaders').select('name').execute()
    },
  })
  await kernel.read([reader])
  await kernel.ctx.transaction((ctx) => ctx.events.emit(closed, { door: 'cut' }))
  await eventually('the second try', () => tries === 2)
})

test('a reader that wants none of the new events is moved on once a second, not with each of them', async () => {
  await using kernel = await openTestKernel({ address })
  const { ctx, db } = kernel
  let handled = 0
  const [wanting, idle] = ['door.opened', 'door.closed'].map((kind) =>
    defineReader({
      ...{ name: `test.want_${kind.split('.')[1]}`, kinds: [kind], from: 'now' as const },
      handle: async () => void handled++,
    }),
  )
  const readers = await kernel.read([wanting!, idle!])
  const placesSeen = new Set<string>()
  const beganMs = performance.now()
  for (let count = 1; count <= 12; count++) {
    await ctx.transaction((ctx) => ctx.events.emit(opened, { door: String(count) }))
    await eventually('it is handled', () => handled === count)
    const { rows } = await sql<{ place: string }>`
      select concat_ws(' ', epoch, xid, id) as place from event_readers
      where name = ${idle!.name}`.execute(db)
    placesSeen.add(rows[0]!.place)
  }
  const seconds = (performance.now() - beganMs) / 1000
  // Where it began, and where the first look of all has found it.
  assert.ok(placesSeen.size <= seconds + 3, `${placesSeen.size} places in ${seconds} s`)
  await eventually('both have passed all', async () => {
    return (await readers.states()).every(({ lagSeconds }) => lagSeconds === 0)
  })
})

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  await client.query(statement)
  await client.end()
}
