import {
  CamelCasePlugin,
  type Kysely,
  PostgresDialect,
  type Transaction,
  Kysely as Database,
} from 'kysely'
import pg from 'pg'
import type { Logger } from './log.ts'
import type { KernelTables } from './tables.ts'

/** Every table of the product. A capability adds its own in its `tables.ts` by `declare module '#kernel/db.ts'`. */
export interface Tables extends KernelTables {}

export type Db = Kysely<Tables>
export type Tx = Transaction<Tables>

/** Where a PostgreSQL server is and as whom to sign in. `host` may be the directory of a Unix socket. */
export interface DatabaseAddress {
  host: string
  port: number
  user: string
  password?: string
  database: string
  ssl?: pg.ConnectionConfig['ssl']
}

export interface DatabaseOptions {
  address: DatabaseAddress
  poolSize: number
  log: Logger
  /** The role that every connection takes on; the owner's own when absent. */
  role?: string
  /** Called after each statement; feeds the metrics. */
  onQuery?: (durationMs: number, failed: boolean) => void
}

/** The role under which the product runs: it may read and write rows, and change no table. */
export const APP_ROLE = 'gantry_app'

const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 30_000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
const SLOW_QUERY_MS = 500

export class DatabasePool implements AsyncDisposable {
  readonly db: Db
  readonly pool: pg.Pool

  constructor(options: DatabaseOptions) {
    this.pool = new pg.Pool(poolConfig(options))
    // An idle connection that the server ended is replaced at the next use; without a listener it would end the process.
    this.pool.on('error', (error) => {
      if (!this.pool.ending) options.log.warn({ err: error }, 'idle database connection lost')
    })
    // One that is lost in the middle of a transaction fails its next statement; until then, too, somebody has to listen.
    this.pool.on('connect', (client) => client.on('error', () => undefined))
    this.db = new Database<Tables>({
      dialect: new PostgresDialect({ pool: this.pool }),
      plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
      log: ({ level, queryDurationMillis, query }) => {
        options.onQuery?.(queryDurationMillis, level === 'error')
        if (queryDurationMillis < SLOW_QUERY_MS) return
        options.log.warn(
          { sql: query.sql, durationMs: Math.round(queryDurationMillis) },
          'slow query',
        )
      },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.destroy()
  }
}

/** What `pg` needs to connect with our deadlines and, when `role` is given, as that role. */
export function clientConfig(address: DatabaseAddress, role?: string): pg.ClientConfig {
  return {
    ...address,
    application_name: 'gantry',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    options: [
      ...(role ? [`-c role=${role}`] : []),
      `-c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
      `-c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_TIMEOUT_MS}`,
    ].join(' '),
  }
}

function poolConfig({ address, poolSize, role }: DatabaseOptions): pg.PoolConfig {
  return { ...clientConfig(address, role), max: poolSize, idleTimeoutMillis: 60_000 }
}

/** Parses `postgres://user:password@host:port/database?sslmode=require|verify-full`. */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = new URL(text)
  const sslMode = url.searchParams.get('sslmode') ?? 'disable'
  return {
    host: url.searchParams.get('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(sslMode !== 'disable' && { ssl: { rejectUnauthorized: sslMode.startsWith('verify') } }),
  }
}
