// The audit log: how fast links follow events, and how fast `gantry audit verify` looks at them again.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { sql } from 'kysely'
import pino from 'pino'
import { verifyChain } from '#audit/index.ts'
import { APP_ROLE, DatabasePool, type Db } from '#kernel/db.ts'
import { eventually } from '#kernel/test-support.ts'
import { ServerHome } from '#test/process.ts'
import { median } from './figures.ts'
import { cpuSeconds } from './processes.ts'
import { Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const EVENTS = 200_000
const AT_ONCE = 10_000
const ROUNDS = 7
/** As the command has. */
const CONNECTIONS = 2
const GANTRY = join(import.meta.dirname, '../../cli/bin/gantry.mjs')
const CHAIN_MS = 300_000

await using home = await ServerHome.make()
const chained = await fill()
const verified = await verify()
const command = runCommand()

printTable(
  `The audit log, ${EVENTS.toLocaleString('en')} events of 90 days`,
  ['', 'rows/s', 'CPU µs each'],
  [
    ['written, and linked behind the writers', chained.toFixed(0), ''],
    [
      `verified (median of ${ROUNDS})`,
      verified.perSecond.toFixed(0),
      verified.cpuMicros.toFixed(1),
    ],
    ['gantry audit verify, its start included', command.toFixed(0), ''],
  ],
)
judge('rows verified per second', verified.perSecond, '>=', 100_000)
printMachine()

/** Writes events as the product does, and waits until the product has linked them. Returns links per second. */
async function fill(): Promise<number> {
  await using product = await Product.start(home)
  await using pool = new DatabasePool({ ...(await connection(product)), role: APP_ROLE })
  const { db } = pool
  const startMs = performance.now()
  for (let first = 0; first < EVENTS; first += AT_ONCE) await writeEvents(db, first)
  await eventually('all is linked', () => isLinked(db), CHAIN_MS)
  return EVENTS / ((performance.now() - startMs) / 1000)
}

async function writeEvents(db: Db, first: number): Promise<void> {
  await sql`
    with made as (
      select n, json_build_object('salt', md5(n::text), 'address', '192.0.2.' || n % 250, 'agent', 'bench/1') as personal
      from generate_series(${first + 1}::integer, ${first + AT_ONCE}::integer) n)
    insert into events (event_id, kind, account_id, actor, data, target, correlation_id, occurred_at, personal, personal_digest)
    select 'evt_' || lpad(n::text, 26, '0'), 'session.created', 'acc_' || n % 500,
      jsonb_build_object('kind', 'user', 'userId', 'usr_' || n % 1000, 'accountId', 'acc_' || n % 500,
        'roles', jsonb_build_array('account-owner'), 'signInId', 'sgn_' || n % 2000),
      jsonb_build_object('id', 'ses_' || n, 'userId', 'usr_' || n % 1000, 'instanceId', 'ins_' || n % 9),
      'ses_' || n, gen_random_uuid()::text, now() - (n % 90) * interval '1 day', personal,
      sha256(convert_to(personal::text, 'UTF8'))
    from made`.execute(db)
}

async function isLinked(db: Db): Promise<boolean> {
  const { rows } = await sql<{ links: number }>`
    select coalesce(max(sequence), 0)::float8 as links from audit_chain`.execute(db)
  return rows[0]!.links >= EVENTS
}

interface Figure {
  perSecond: number
  /** Processor time of a row, here and in PostgreSQL. */
  cpuMicros: number
}

async function verify(): Promise<Figure> {
  await using product = await Product.start(home)
  await using pool = new DatabasePool({ ...(await connection(product)), role: APP_ROLE })
  const backends = await backendsOf(pool.db)
  const used = () => backends.reduce((sum, pid) => sum + cpuSeconds(pid), cpuSeconds(process.pid))
  const figures: Figure[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const [startMs, startCpu] = [performance.now(), used()]
    const { rows, bad } = await verifyChain(pool.db, { witnesses: [], keys: new Map() })
    if (bad || rows < EVENTS) throw new Error(`row ${bad?.sequence}: ${bad?.what}`)
    const seconds = (performance.now() - startMs) / 1000
    figures.push({ perSecond: rows / seconds, cpuMicros: ((used() - startCpu) / rows) * 1e6 })
  }
  return {
    perSecond: median(figures.map(({ perSecond }) => perSecond)),
    cpuMicros: median(figures.map(({ cpuMicros }) => cpuMicros)),
  }
}

/** The processes of PostgreSQL behind the connections of a pool. */
async function backendsOf(db: Db): Promise<number[]> {
  const asked = Array.from({ length: CONNECTIONS }, async () => {
    const { rows } = await sql<{ pid: number }>`
      select pg_backend_pid() as pid, pg_sleep(0.2)`.execute(db)
    return rows[0]!.pid
  })
  return [...new Set(await Promise.all(asked))]
}

/** With its own PostgreSQL, as on a machine where nothing runs. */
function runCommand(): number {
  const startMs = performance.now()
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, GANTRY_HOME: home.path }
  const { status, stdout, stderr } = spawnSync(process.execPath, [GANTRY, 'audit', 'verify'], {
    env,
  })
  if (status !== 0) throw new Error(String(stderr))
  console.log(`  ${String(stdout).trim()}`)
  return EVENTS / ((performance.now() - startMs) / 1000)
}

async function connection(product: Product) {
  return {
    address: await product.database(),
    poolSize: CONNECTIONS,
    log: pino({ level: 'silent' }),
  }
}
