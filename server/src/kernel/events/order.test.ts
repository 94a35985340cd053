import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import type { DatabaseAddress, Db } from '../db.ts'
import { defineEvent, fact } from '../events.ts'
import { openTestKernel, type TestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { makeRecords, recorder } from './test-recorder.ts'

const counted = defineEvent('thing.counted', 'A thing was counted', z.object({ run: z.string() }))
const READING_MS = 25
const origin = { actor: { kind: 'system', name: 'test' }, correlationId: 'test' } as const

interface Writer {
  writes: number
  commits: boolean
}

/** What each of several writers does, and whose step is next. */
const plans = fc.record({
  writers: fc.array(fc.record({ writes: fc.integer({ min: 1, max: 3 }), commits: fc.boolean() }), {
    minLength: 2,
    maxLength: 6,
  }),
  turns: fc.array(fc.nat(5), { minLength: 8, maxLength: 30 }),
})

test('every committed event is read once and in order, whatever the order of commits', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  await makeRecords(address)
  await using writing = await openTestKernel({ address })
  await using one = await openTestKernel({ address })
  await using other = await openTestKernel({ address })
  for (const kernel of [one, other]) await kernel.read([recorder('test.order')])

  let runs = 0
  const property = fc.asyncProperty(plans, async ({ writers, turns }) => {
    const run = String(runs++)
    await interleave(writing, run, writers, turns)
    await allHandled(writing.db, 'test.order', run)
  })
  await fc.assert(property, { numRuns: 25, endOnFailure: true })
  await readOnceInOrder(writing.db, 'test.order')
})

test('readers that are killed with SIGKILL lose nothing, repeat nothing and never interleave', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  await makeRecords(address)
  await using writing = await openTestKernel({ address })
  const written = writeSteadily(writing)
  const processes = [0, 1].map(async () => {
    for (const dots of [7, 40, 0]) await readUntil(address, dots, written)
  })
  await Promise.all([...processes, written])
  await readOnceInOrder(writing.db, 'test.killed')
})

/** Takes the writers' steps in the order of `turns`, and then whatever steps are left, the last writer first. */
async function interleave(kernel: TestKernel, run: string, writers: Writer[], turns: number[]) {
  const steps = writers.map((writer) => stepsOf(kernel, run, writer))
  for (const turn of turns) await steps[turn % steps.length]!.next()
  for (const left of steps.reverse()) while (!(await left.next()).done);
}

async function* stepsOf({ db, events }: TestKernel, run: string, { writes, commits }: Writer) {
  const transaction = await db.startTransaction().execute()
  for (let write = 0; write < writes; write++) {
    await events.write(transaction, origin, [fact(counted, { run })])
    yield
  }
  await (commits ? transaction.commit() : transaction.rollback()).execute()
  // A chance for the readers to read too far while other writers are still open.
  events.wake()
  await sleep(commits ? READING_MS : 0)
}

/** 60 rounds of transactions that overlap, each of which is open for a moment that is its own. */
async function writeSteadily({ ctx }: TestKernel): Promise<void> {
  for (let round = 0; round < 60; round++) {
    const open = [30, 0, 10].map((ms) =>
      ctx.transaction(async (ctx) => {
        await ctx.events.emit(counted, { run: String(round) })
        await sleep(ms)
        await ctx.events.emit(counted, { run: String(round) })
      }),
    )
    await Promise.all(open)
  }
}

/** Starts a reader and kills it in the middle of what it does: after `dots` events, or, for 0, once all that is written is read. */
async function readUntil(address: DatabaseAddress, dots: number, written: Promise<void>) {
  const program = import.meta.resolve('./test-recorder.ts').slice('file://'.length)
  const child = spawn(process.execPath, [program, JSON.stringify(address), 'test.killed'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    if (dots > 0) await Promise.race([saysDots(child, dots), written])
    else {
      await written
      await using kernel = await openTestKernel({ address })
      await allHandled(kernel.db, 'test.killed')
    }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

async function saysDots(child: ChildProcess, dots: number): Promise<void> {
  let said = 0
  for await (const chunk of child.stdout!) {
    said += chunk.length
    if (said >= dots) return
  }
}

const DEADLINE_MS = 30_000

/** Until as many events are handled as there are; of one run when it is given. */
async function allHandled(db: Db, reader: string, run: string | null = null): Promise<void> {
  const look = async () => {
    const { rows } = await sql<{ done: boolean }>`
      select count(*) = count(handled.event_id) as done from events
      left join handled on handled.event_id = events.event_id and handled.reader = ${reader}
      where ${run}::text is null or data->>'run' = ${run}`.execute(db)
    return rows[0]!.done
  }
  await eventually('all events are handled', look, DEADLINE_MS)
}

async function readOnceInOrder(db: Db, reader: string): Promise<void> {
  const events = await sql<{ eventId: string }>`
    select event_id as "eventId" from events order by epoch, xid, id`.execute(db)
  const handled = await sql<{ eventId: string; batch: string }>`
    select event_id as "eventId", batch from handled where reader = ${reader} order by place`.execute(
    db,
  )
  assert.ok(events.rows.length > 0)
  assert.deepEqual(
    handled.rows.map(({ eventId }) => eventId),
    events.rows.map(({ eventId }) => eventId),
  )
  const batches = handled.rows.map(({ batch }) => batch)
  const changes = batches.filter((batch, index) => batch !== batches[index - 1]).length
  assert.equal(changes, new Set(batches).size)
}
