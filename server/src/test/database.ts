import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { DatabaseAddress } from '#kernel/db.ts'

/** Holds the address of the test server, set by the global setup. */
export const SERVER_VARIABLE = 'GANTRY_TEST_SERVER'
export const TEMPLATE = 'gantry_template'

/** A migrated database of its own for one test file. */
export interface TestDatabase extends AsyncDisposable {
  address: DatabaseAddress
}

export async function cloneDatabase(): Promise<TestDatabase> {
  const text = process.env[SERVER_VARIABLE]
  if (!text) throw new Error('run the tests with `npm test`: it starts their PostgreSQL')
  const server = JSON.parse(text) as DatabaseAddress
  const database = `test_${randomBytes(6).toString('hex')}`
  await run(server, `create database ${database} template ${TEMPLATE}`)
  return {
    address: { ...server, database },
    [Symbol.asyncDispose]: () => run(server, `drop database ${database} with (force)`),
  }
}

async function run(server: DatabaseAddress, sql: string): Promise<void> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
