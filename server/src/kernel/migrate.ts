import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { APP_ROLE, clientConfig, type DatabaseAddress } from './db.ts'
import type { Logger } from './log.ts'

export interface Migration {
  version: number
  name: string
  sql: string
  checksum: string
}

/** Two processes that start at once: one migrates, the other waits for this lock and finds nothing to do. */
const LOCK_KEY = 7_236_104_511
const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/
const MINIMUM_SERVER = 150_000

export function readMigrations(directory: string): Migration[] {
  const migrations = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const [, digits, name] = FILE_NAME.exec(file) ?? []
      if (!digits || !name) throw new Error(`migration ${file} is not named 0001_like_this.sql`)
      const sql = readFileSync(join(directory, file), 'utf8')
      return { version: Number(digits), name, sql, checksum: sha256(sql) }
    })
  migrations.forEach(({ version, name }, index) => {
    if (version !== index + 1) throw new Error(`migration ${name} has a number out of sequence`)
  })
  return migrations
}

export interface MigrateOptions {
  address: DatabaseAddress
  migrations: readonly Migration[]
  log: Logger
  /** Runs as the owner after the migrations, in the same locked connection: the queue installs its own schema here. */
  afterwards?: (client: pg.Client) => Promise<void>
}

/**
 * Brings the database to the newest version, as its owner and under a lock. Returns how many migrations ran.
 *
 * @throws Error when the server is older than PostgreSQL 15, an applied migration has changed, or the database is newer than this code.
 */
export async function migrate(options: MigrateOptions): Promise<number> {
  const client = new pg.Client({ ...clientConfig(options.address), statement_timeout: 0 })
  // A server that goes away fails the statement in hand; without a listener it would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('set statement_timeout = 0')
    await requireServer(client)
    await client.query('select pg_advisory_lock($1)', [LOCK_KEY])
    await prepare(client)
    const applied = await checkApplied(client, options.migrations)
    const pending = options.migrations.slice(applied)
    for (const migration of pending) await apply(client, migration, options.log)
    await options.afterwards?.(client)
    return pending.length
  } finally {
    await client.end()
  }
}

async function requireServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; text: string }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as text`,
  )
  const server = rows[0]!
  if (server.version < MINIMUM_SERVER) {
    throw new Error(`PostgreSQL ${server.text} is too old: Gantry needs 15 or newer`)
  }
}

async function prepare(client: pg.Client): Promise<void> {
  await client.query(`
    do $$ begin
      if not exists (select from pg_roles where rolname = '${APP_ROLE}') then
        create role ${APP_ROLE} nologin;
      end if;
    exception when duplicate_object or unique_violation then null;
    end $$`)
  // From PostgreSQL 16 on, who creates a role may administer it, but not take it on.
  const { rows } = await client.query<{ may: boolean }>(
    `select pg_has_role(current_user, '${APP_ROLE}',
      case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) as may`,
  )
  if (!rows[0]!.may) await client.query(`grant ${APP_ROLE} to current_user`)
  await client.query(`
    create table if not exists schema_migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`)
}

async function checkApplied(client: pg.Client, known: readonly Migration[]): Promise<number> {
  const { rows } = await client.query<{ version: number; name: string; checksum: string }>(
    'select version, name, checksum from schema_migrations order by version',
  )
  for (const row of rows) {
    const migration = known[row.version - 1]
    const label = `${row.version} (${row.name})`
    if (!migration)
      throw new Error(
        `the database has migration ${label}, which this version of Gantry does not know: run a newer version`,
      )
    if (migration.checksum !== row.checksum) {
      throw new Error(
        `migration ${label} was changed after it was applied: restore the file, and put the change into a new migration`,
      )
    }
  }
  return rows.length
}

async function apply(client: pg.Client, migration: Migration, log: Logger): Promise<void> {
  try {
    await client.query('begin')
    await client.query(migration.sql)
    await client.query(
      'insert into schema_migrations (version, name, checksum) values ($1, $2, $3)',
      [migration.version, migration.name, migration.checksum],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw new Error(`migration ${migration.version} (${migration.name}) failed`, { cause: error })
  }
  log.info({ version: migration.version, name: migration.name }, 'migration applied')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
