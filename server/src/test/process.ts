import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { processTable, signalProcess } from '#kernel/processes.ts'
import { eventually, freePort } from '#kernel/test-support.ts'
import { makeDirectory } from './directory.ts'

const GANTRY = join(import.meta.dirname, '../../../cli/bin/gantry.mjs')
const START_MS = 120_000

/** `gantry serve` as a process of its own, over a data directory that later runs can share. */
export class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly url: string
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  #output = ''

  constructor(env: Record<string, string>) {
    this.url = `http://127.0.0.1:${env.PORT}`
    const base = { PATH: process.env.PATH, HOME: process.env.HOME, LOG_FORMAT: 'json' }
    this.child = spawn(process.execPath, [GANTRY, 'serve'], {
      env: { ...base, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    }
    this.ended = once(this.child, 'exit').then(([code, signal]) => ({ code, signal }))
  }

  /** All that it printed so far. */
  get output(): string {
    return this.#output
  }

  /** Resolves once it says that it is ready. @throws when it ended instead */
  async ready(): Promise<this> {
    const state = await eventually(
      'the server is ready',
      () => (this.#output.includes('Gantry is ready') ? 'ready' : this.#isGone() && 'gone'),
      START_MS,
    )
    if (state === 'gone') throw new Error(`the server ended:\n${this.#output}`)
    return this
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isGone()) this.child.kill('SIGKILL')
    await this.ended
  }

  #isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }
}

/** A data directory for server processes; what still runs on it at the end is killed. */
export class ServerHome implements AsyncDisposable {
  readonly path: string
  readonly #directory: string

  static async make(): Promise<ServerHome> {
    return new ServerHome(await makeDirectory('gantry-process'))
  }

  private constructor(directory: string) {
    this.#directory = directory
    this.path = join(directory, 'home')
  }

  async start(env: Record<string, string> = {}): Promise<ServerProcess> {
    return new ServerProcess({
      ...{ GANTRY_HOME: this.path, PORT: String(await freePort()), LOG_LEVEL: 'info' },
      EGRESS_ALLOW: '127.0.0.0/8',
      ...{ AUTH_ATTEMPTS: '10000', UNAUTHENTICATED_REQUESTS: '1000000' },
      ...env,
    })
  }

  /** Every process that names the data directory: PostgreSQL, Chromium and their children. */
  processes() {
    return processTable().filter(
      ({ state, cmdline, pid }) =>
        state !== 'Z' && pid !== process.pid && cmdline.some((part) => part.includes(this.path)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.processes()) signalProcess(pid, 'SIGKILL')
    await eventually('nothing runs on the directory', () => this.processes().length === 0)
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}
