import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isSameProcess } from '../processes.ts'
import type { EmbeddedAddress } from './address.ts'
import type { ServerProcess } from './server-process.ts'

const CONNECT_TIMEOUT_MS = 2_000
const QUERY_TIMEOUT_MS = 5_000
const END_TIMEOUT_MS = 1_000
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 250
/** Replaying the log of a large database takes its time, and to cut it short would mean to begin again. */
const RECOVERY_DEADLINE_MS = 600_000

const CANNOT_CONNECT_NOW = '57P03'
const NO_SUCH_DATABASE = '3D000'
const DATABASE_EXISTS = '42P04'
const WRONG_PASSWORD = '28P01'

/**
 * Waits until the server answers a query in the product's database, which is made if need be.
 *
 * @throws Error when the server ends, is silent for `deadlineMs`, or does not know our password; the signal's reason on abort.
 */
export async function waitUntilReady(
  server: ServerProcess,
  address: EmbeddedAddress,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
): Promise<void> {
  const beganAt = performance.now()
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted()
    const refusal = await probe(address)
    if (!refusal) return
    if (!isSameProcess(server.pid, server.startTicks)) throw new Error('it ended')
    const limitMs = refusal.code === CANNOT_CONNECT_NOW ? RECOVERY_DEADLINE_MS : deadlineMs
    if (performance.now() - beganAt > limitMs) {
      throw new Error(`it answered no query within ${limitMs / 1000} s`, { cause: refusal })
    }
    await sleep(pauseMs, undefined, { signal })
  }
}

/** Why the server does not answer yet; undefined when it does. */
async function probe(address: EmbeddedAddress): Promise<pg.DatabaseError | undefined> {
  const refusal = await query(address, 'select 1').then(() => undefined, asRefusal)
  if (refusal?.code === WRONG_PASSWORD) {
    throw new Error('it refuses the password in keys/postgres.password', { cause: refusal })
  }
  if (refusal?.code !== NO_SUCH_DATABASE) return refusal
  return createDatabase(address)
}

async function createDatabase(address: EmbeddedAddress): Promise<pg.DatabaseError | undefined> {
  const maintenance = { ...address, database: 'postgres' }
  const refusal = await query(maintenance, `create database "${address.database}"`).then(
    () => undefined,
    asRefusal,
  )
  return refusal?.code === DATABASE_EXISTS ? undefined : refusal
}

function asRefusal(error: pg.DatabaseError): pg.DatabaseError {
  return error
}

async function query(address: EmbeddedAddress, sql: string): Promise<void> {
  const client = new pg.Client({
    ...address,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  })
  // A connection that breaks after its answer would end our process otherwise.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await Promise.race([client.end(), sleep(END_TIMEOUT_MS, undefined, { ref: false })])
  }
}
