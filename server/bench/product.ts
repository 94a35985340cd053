import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseAddress } from '#kernel/db.ts'
import { eventually, freePort } from '#kernel/test-support.ts'
import type { ServerHome } from '#test/process.ts'
import { browserOf as slotOf } from '#test/slot-file.ts'

const GANTRY = join(import.meta.dirname, '../../cli/bin/gantry.mjs')
const START_MS = 60_000
const PERSON = { email: 'bench@example.test', password: 'plum-harbour-quiet-lantern-93' }

/**
 * `gantry serve` with every default: all roles, its own PostgreSQL, log lines to the console (here a file) and to the log
 * files. The figures of a run are of this process.
 */
export class Product implements AsyncDisposable {
  readonly url: string
  readonly home: ServerHome
  readonly startMs: number
  readonly #child: ChildProcess

  static async start(home: ServerHome, env: Record<string, string> = {}): Promise<Product> {
    const port = await freePort()
    const begunMs = performance.now()
    const console = join(home.path, '..', 'console.log')
    const child = spawnServer({ ...env, GANTRY_HOME: home.path, PORT: String(port) }, console)
    await eventually(
      'the product is ready',
      () => {
        if (child.exitCode !== null) throw new Error(readFileSync(console, 'utf8'))
        return readFileSync(console, 'utf8').includes('Gantry is ready')
      },
      START_MS,
    )
    return new Product(child, home, `http://127.0.0.1:${port}`, performance.now() - begunMs)
  }

  private constructor(child: ChildProcess, home: ServerHome, url: string, startMs: number) {
    this.#child = child
    this.home = home
    this.url = url
    this.startMs = startMs
  }

  get pid(): number {
    return this.#child.pid!
  }

  async signUp(): Promise<Person> {
    const answer = await this.#post('/api/v1/auth/register', PERSON)
    const { accessToken, user } = answer as { accessToken: string; user: { accountId: string } }
    return new Person(this, user.accountId, `Bearer ${accessToken}`)
  }

  /** As whom the product itself reaches its database. */
  async database(): Promise<DatabaseAddress> {
    const text = await readFile(join(this.home.path, 'run/postgres.json'), 'utf8')
    return JSON.parse(text) as DatabaseAddress
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM')
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
  }

  /** Returns once so many browsers are ready to be claimed, and nothing is being started or ended. */
  async untilReady(browsers: number): Promise<void> {
    await eventually(
      `${browsers} browsers are ready`,
      async () => {
        const text = await (await fetch(`${this.url}/metrics`)).text()
        const count = (state: string) =>
          Number(
            new RegExp(`^gantry_browser_sessions\\{state="${state}"\\} (\\d+)`, 'm').exec(
              text,
            )?.[1],
          )
        return count('ready') >= browsers && count('warming') + count('ending') === 0
      },
      START_MS,
    )
  }

  async #post(path: string, body: unknown, authorization?: string): Promise<unknown> {
    return call(`${this.url}${path}`, 'POST', body, authorization)
  }
}

/** Somebody who is signed in. */
export class Person {
  readonly accountId: string
  readonly authorization: string
  readonly #api: string

  constructor({ url }: Product, accountId: string, authorization: string) {
    this.#api = `${url}/api/v1`
    this.accountId = accountId
    this.authorization = authorization
  }

  async createSession(): Promise<{ id: string; cdpUrl: string }> {
    return (await this.command('/sessions', {})) as { id: string; cdpUrl: string }
  }

  async endSession(id: string): Promise<void> {
    await call(`${this.#api}/sessions/${id}`, 'DELETE', undefined, this.authorization)
  }

  async command(path: string, body: unknown): Promise<unknown> {
    return call(`${this.#api}${path}`, 'POST', body, this.authorization)
  }
}

/** Where a session's browser listens, and its process. */
export async function browserOf(home: ServerHome, sessionId: string) {
  return slotOf(home.path, sessionId)
}

function spawnServer(env: Record<string, string>, console: string): ChildProcess {
  const output = openSync(console, 'w')
  const base = { PATH: process.env.PATH, HOME: process.env.HOME, EGRESS_ALLOW: '127.0.0.0/8' }
  const child = spawn(process.execPath, [GANTRY, 'serve'], {
    env: { ...base, ...env },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  process.once('exit', () => child.kill('SIGTERM'))
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  return child
}

async function call(url: string, method: string, body?: unknown, authorization?: string) {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(authorization && { authorization }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`)
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}
