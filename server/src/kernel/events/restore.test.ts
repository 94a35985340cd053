import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawBuilder, sql } from 'kysely'
import pg from 'pg'
import pino from 'pino'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import type { DatabaseAddress, Db } from '../db.ts'
import { defineEvent, settleEpoch } from '../events.ts'
import { installQueue } from '../jobs.ts'
import { migrate, readMigrations } from '../migrate.ts'
import { EmbeddedPostgres } from '../postgres/embedded-postgres.ts'
import { openTestKernel, type TestKernel } from '../test-kernel.ts'
import { eventually, temporaryHome } from '../test-support.ts'
import { findUsers } from '../unprivileged.ts'
import { makeRecords, recorder } from './test-recorder.ts'

const said = defineEvent('word.said', 'A word was said', z.object({ word: z.string() }))
const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname
const log = pino({ level: 'silent' })

test('after a restore into a new cluster, readers go on where they were and see what comes after', async () => {
  await using database = await cloneDatabase()
  await burnTransactionIds(database.address)
  await makeRecords(database.address)
  {
    await using before = await openTestKernel({ address: database.address })
    const readers = await before.read([recorder('test.restore')])
    await say(before, 'one', 'two')
    await handled(before.db, 'one', 'two')
    await readers[Symbol.asyncDispose]()
    await say(before, 'three', 'four')
  }

  await using cluster = await newCluster()
  await copyRows(database.address, cluster.address)
  await using after = await openTestKernel({ address: cluster.address })
  await after.read([recorder('test.restore')])
  await say(after, 'five')
  await handled(after.db, 'one', 'two', 'three', 'four', 'five')
  await say(after, 'six')
  await handled(after.db, 'one', 'two', 'three', 'four', 'five', 'six')

  const smaller = sql<boolean>`
    (select max(xid) from events where epoch = 2) < (select min(xid) from events where epoch = 1)`
  assert.ok(await value(after.db, smaller))
})

test('nothing is written in a cluster that nobody has settled in, and of many that settle, one does', async () => {
  await using database = await cloneDatabase()
  await using kernel = await openTestKernel({ address: database.address })
  const { db } = kernel
  await asOwner(database.address, `update cluster_epochs set system_identifier = 'elsewhere'`)
  await assert.rejects(say(kernel, 'lost'), { code: '23502', column: 'epoch' })

  await Promise.all(Array.from({ length: 6 }, () => settleEpoch(db)))
  await say(kernel, 'kept')
  const epochs = sql<number[]>`(select array_agg(epoch order by epoch) from cluster_epochs)`
  assert.deepEqual(await value(db, epochs), [1, 2])
  assert.deepEqual(await value(db, sql`(select array_agg(epoch) from events)`), [2])
})

async function say({ ctx }: TestKernel, ...words: string[]): Promise<void> {
  await ctx.transaction(async (ctx) => {
    for (const word of words) await ctx.events.emit(said, { word })
  })
}

/** Until as many words are handled; they are those, in that order. */
async function handled(db: Db, ...words: string[]): Promise<void> {
  const list = sql<string[]>`(
    select array_agg(data->>'word' order by place) from handled join events using (event_id))`
  const found = await eventually('the words are handled', async () => {
    const handled = (await value(db, list)) ?? []
    return handled.length >= words.length && handled
  })
  assert.deepEqual(found, words)
}

async function value<Value>(db: Db, expression: RawBuilder<Value>): Promise<Value> {
  const { rows } = await sql<{ value: Value }>`select ${expression} as value`.execute(db)
  return rows[0]!.value
}

/** Takes the old cluster's transaction ids well past those that the new one begins with. */
async function burnTransactionIds(address: DatabaseAddress): Promise<void> {
  await asOwner(
    address,
    `do $$ begin for i in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$`,
  )
}

async function newCluster() {
  const home = await temporaryHome()
  const options = { home, users: await findUsers(), log, durability: 'test' } as const
  const server = await EmbeddedPostgres.open(options)
  const migrations = readMigrations(MIGRATIONS)
  await migrate({ address: server.address, log, migrations, afterwards: installQueue })
  await makeRecords(server.address)
  return server
}

const RESTORED = ['cluster_epochs', 'events', 'event_readers', 'handled']

/** What a dump and its restore do: the rows as they are, and no transaction id of the new cluster changed by them. */
async function copyRows(from: DatabaseAddress, to: DatabaseAddress): Promise<void> {
  const [source, target] = [new pg.Client(from), new pg.Client(to)]
  await Promise.all([source.connect(), target.connect()])
  for (const table of RESTORED) {
    const { rows } = await source.query(`select to_jsonb(row) as row from ${table} row`)
    for (const { row } of rows) {
      await target.query(
        `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`,
        [row],
      )
    }
  }
  await target.query(`select setval('handled_place_seq', 1000)`)
  await Promise.all([source.end(), target.end()])
}

async function asOwner(address: DatabaseAddress, statement: string): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  await client.query(statement)
  await client.end()
}
