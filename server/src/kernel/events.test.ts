import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { systemClock } from './clock.ts'
import { defineEvent, defineReader, fact, makeEventPartitions, personal } from './events.ts'
import { openTestKernel } from './test-kernel.ts'
import { eventually } from './test-support.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())
const { address } = database

const opened = defineEvent(
  'door.opened',
  'A door was opened',
  z.object({ door: z.string(), guest: personal(z.string().optional()) }),
  { target: 'door' },
)
const closed = defineEvent('door.closed', 'A door was closed', z.object({ door: z.string() }))

test('a reader gets the fact as it was announced, acting for its account', async () => {
  await using kernel = await openTestKernel({ address })
  const seen: unknown[] = []
  const reader = defineReader({
    name: 'test.see_doors',
    kinds: ['door.opened'],
    from: 'now',
    handle: async (ctx, event) => {
      const { actor, correlationId, accountId } = ctx
      seen.push({ event, ctx: { actor, correlationId, accountId } })
    },
  })
  await kernel.read([reader])
  const actor = {
    kind: 'user',
    userId: 'usr_1',
    accountId: 'acc_1',
    roles: ['owner'],
    signInId: 'sgn_1',
  } as const
  const client = { address: '192.0.2.1', agent: 'test/1' }
  const ctx = kernel.contextFor({ actor, client, correlationId: 'request-1' })
  await ctx.transaction(async (ctx) => {
    await ctx.events.emit(closed, { door: 'left' })
    await ctx.events.emit(opened, { door: 'right', guest: 'Ann' })
  })

  await eventually('the event is read', () => seen.length > 0)
  const { event } = seen[0] as { event: { eventId: string; occurredAt: Date } }
  assert.match(event.eventId, /^evt_/)
  assert.ok(event.occurredAt instanceof Date)
  const { eventId, occurredAt } = event
  assert.deepEqual(seen, [
    {
      event: {
        eventId,
        kind: 'door.opened',
        accountId: 'acc_1',
        actor,
        data: { door: 'right', guest: 'Ann' },
        target: 'right',
        result: 'succeeded',
        client,
        correlationId: 'request-1',
        occurredAt,
      },
      ctx: {
        actor: { kind: 'system', name: 'reader:test.see_doors' },
        correlationId: 'request-1',
        accountId: 'acc_1',
      },
    },
  ])
})

test('facts that are announced together are read in their order, or none of them is written', async () => {
  await using kernel = await openTestKernel({ address })
  const { ctx } = kernel
  const seen: unknown[] = []
  const handle = async (_ctx: unknown, { data }: { data: unknown }) => void seen.push(data)
  await kernel.read([{ name: 'test.see_together', from: 'now', handle }])
  const wrong = [fact(opened, { door: 'one' }), fact(closed, { door: 7 } as never)]
  await assert.rejects(
    ctx.transaction((ctx) => ctx.events.emitAll(wrong)),
    z.ZodError,
  )
  await ctx.transaction((ctx) =>
    ctx.events.emitAll(['a', 'b', 'c'].map((door) => fact(closed, { door }))),
  )
  await eventually('all are read', () => seen.length >= 3)
  assert.deepEqual(seen, [{ door: 'a' }, { door: 'b' }, { door: 'c' }])
})

test('data that is not of its kind is refused, and a rolled-back transaction leaves no event', async () => {
  await using kernel = await openTestKernel({ address })
  const { ctx, db } = kernel
  await assert.rejects(ctx.events.emit(opened, { door: 'outside' }), /outside of a transaction/)
  await assert.rejects(
    ctx.transaction((ctx) => ctx.events.emit(opened, { door: 7 } as never)),
    z.ZodError,
  )
  await assert.rejects(
    ctx.transaction(async (ctx) => {
      await ctx.events.emit(opened, { door: 'rolled back' })
      throw new Error('changed my mind')
    }),
    /changed my mind/,
  )
  const { rows } = await sql`select from events where data->>'door' = 'rolled back'`.execute(db)
  assert.equal(rows.length, 0)
})

test('an event from a clock far off is kept, moved to its month once that exists, and read once', async () => {
  const now = new Date()
  const ahead = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 7, 15))
  const clock = { ...systemClock, now: () => ahead }
  await using kernel = await openTestKernel({ address, clock })
  const { ctx, db } = kernel
  let handled = 0
  const handle = async () => void handled++
  await kernel.read([{ name: 'test.far_off', kinds: ['door.opened'], from: 'now', handle }])
  await ctx.transaction((ctx) => ctx.events.emit(opened, { door: 'far off' }))
  await eventually('it is read', () => handled === 1)
  const partitions = async () => {
    const { rows } = await sql<{ partition: string }>`
      select tableoid::regclass::text as partition from events where data->>'door' = 'far off'`.execute(
      db,
    )
    return rows.map(({ partition }) => partition)
  }
  assert.deepEqual(await partitions(), ['events_other'])

  await Promise.all([makeEventPartitions(db), sql`select make_event_partitions(7)`.execute(db)])
  const month = ahead.toISOString().slice(0, 7).replace('-', '_')
  assert.deepEqual(await partitions(), [`events_${month}`])
  await ctx.transaction((ctx) => ctx.events.emit(opened, { door: 'next' }))
  await eventually('the next is read', () => handled === 2)
})
