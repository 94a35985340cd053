import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from '#kernel/test-support.ts'

const run = promisify(execFile)
const DEBIAN = '/usr/lib/postgresql'
const OLDEST = 15
const INSTALL_DEADLINE_MS = 5 * 60_000

/** The programs of the oldest PostgreSQL on this machine that Gantry supports; as root, Debian's is installed. */
export async function findPostgres(): Promise<{ bin: string } | { missing: string }> {
  const found = await oldestInstalled()
  if (found) return { bin: found }
  if (process.getuid?.() !== 0) return { missing: `no PostgreSQL ${OLDEST} or newer in ${DEBIAN}` }
  try {
    const options = {
      timeout: INSTALL_DEADLINE_MS,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }
    await run('apt-get', ['update', '-q'], options)
    await run('apt-get', ['install', '-qy', '--no-install-recommends', 'postgresql'], options)
  } catch (error) {
    return { missing: `PostgreSQL is not here, and apt-get failed: ${(error as Error).message}` }
  }
  const installed = await oldestInstalled()
  return installed ? { bin: installed } : { missing: `apt-get has no PostgreSQL ${OLDEST}` }
}

async function oldestInstalled(): Promise<string | undefined> {
  const versions = (await readdir(DEBIAN).catch(() => [])).map(Number)
  const usable = versions.filter((version) => version >= OLDEST).sort((a, b) => a - b)
  return usable.length > 0 ? join(DEBIAN, String(usable[0]), 'bin') : undefined
}

/** A PostgreSQL server that is not ours: its own files and port, and one database whose owner is no superuser. */
export class PostgresPeer implements AsyncDisposable {
  /** For `DATABASE_URL`. */
  readonly url: string
  readonly #bin: string
  readonly #directory: string
  readonly #user: { uid?: number; gid?: number }

  private constructor(bin: string, directory: string, port: number, user: { uid?: number }) {
    this.url = `postgres://gantry:secret@127.0.0.1:${port}/gantry`
    this.#bin = bin
    this.#directory = directory
    this.#user = user
  }

  static async start(bin: string): Promise<PostgresPeer> {
    const directory = await mkdtemp(join(tmpdir(), 'gantry-postgres-'))
    const user = await unprivileged()
    await chmod(directory, 0o755)
    if (user.uid !== undefined) await chown(directory, user.uid, user.gid!)
    const port = await freePort()
    const peer = new PostgresPeer(bin, directory, port, user)
    await peer.#initialize(port)
    return peer
  }

  async #initialize(port: number): Promise<void> {
    const directory = this.#directory
    await this.#program('initdb', ['-D', `${directory}/data`, '-U', 'postgres', '--auth=trust'])
    const options = `-p ${port} -k ${directory} -c listen_addresses=127.0.0.1 -c fsync=off`
    const log = `${directory}/log`
    await this.#program('pg_ctl', [
      '-D',
      `${directory}/data`,
      '-w',
      '-l',
      log,
      '-o',
      options,
      'start',
    ])
    await this.#asSuperuser(port, [
      `create role gantry login createrole password 'secret'`,
      'create database gantry owner gantry',
    ])
  }

  /** Rows of a query in the product's database. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program('pg_ctl', ['-D', `${this.#directory}/data`, '-m', 'immediate', 'stop'])
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #asSuperuser(port: number, statements: string[]): Promise<void> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
    })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }

  async #program(name: string, args: string[]): Promise<void> {
    const options = { ...this.#user, cwd: this.#directory, timeout: 60_000 }
    await run(join(this.#bin, name), args, options)
  }
}

/** PostgreSQL refuses to run as root; Debian's package brings a user for it. */
async function unprivileged(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const idOf = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
  return { uid: await idOf('-u'), gid: await idOf('-g') }
}
