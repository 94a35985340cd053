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

/** Adds `usr_NAME` of `acc_NAME` for each name, as rows and nothing else. */
export async function addPeople(address: DatabaseAddress, names: readonly string[]): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  for (const name of names) {
    await client.query(
      `insert into accounts (id, name, kind, created_at, updated_at) values ($1, $2, 'personal', now(), now())`,
      [`acc_${name}`, name],
    )
    await client.query(
      `insert into users (id, email, email_key, password_hash, account_id, created_at, updated_at)
      values ($1, $2, $2, '$argon2id$none', $3, now(), now())`,
      [`usr_${name}`, `${name}@example.test`, `acc_${name}`],
    )
  }
  await client.end()
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
