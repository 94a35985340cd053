import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#kernel/test-support.ts'
import { makeDirectory } from '#test/directory.ts'
import { Family } from './family.ts'
import { inTime } from './http.ts'

const READY_MS = 90_000
const STOP_MS = 20_000
const PROBE_MS = 2_000

export interface Recipe {
  command: readonly string[]
  env: Readonly<Record<string, string>>
  cwd?: string
  isReady: () => Promise<boolean>
}

/** Where a server may keep what it likes. All is removed at the end. */
export interface Place {
  root: string
  home: string
  temporary: string
}

/** A server in a process of its own, with directories of its own and its log lines in a file. Disposing of it leaves no process. */
export class Server implements AsyncDisposable {
  readonly place: Place
  readonly family: Family
  readonly #recipe: Recipe
  #child: ChildProcess | undefined

  static async start(place: Place, recipe: Recipe): Promise<Server> {
    const server = new Server(place, recipe)
    try {
      await server.start()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(place: Place, recipe: Recipe) {
    this.place = place
    this.family = new Family(place.root)
    this.#recipe = recipe
    process.once('exit', () => this.#abandon())
  }

  async start(): Promise<void> {
    const child = this.#spawn()
    this.#child = child
    this.family.add(child.pid!)
    const look = async () => {
      if (isGone(child)) throw new Error(`the server ended:\n${this.#lastLines()}`)
      return inTime('it is ready', this.#recipe.isReady(), PROBE_MS).catch(() => false)
    }
    await eventually('the server is ready', look, READY_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#lastLines()}`)
    })
  }

  /** kill -9 of the server's own process, and of nothing else. */
  async killHard(): Promise<void> {
    this.family.members()
    await this.#end('SIGKILL')
  }

  /** The directories that lie in `parents` now. */
  directories(parents: readonly string[]): string[] {
    return parents.flatMap((parent) => namesIn(parent).map((name) => join(parent, name)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.family.members()
    await this.#end('SIGTERM').catch(() => {})
    this.family.kill()
    await eventually('its processes have ended', () => this.family.members().length === 0, STOP_MS)
    await rm(this.place.root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }

  /** For when this process ends early. */
  #abandon(): void {
    this.family.kill()
    rmSync(this.place.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || isGone(child)) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await inTime('the server ends', ended, STOP_MS)
  }

  #spawn(): ChildProcess {
    const { command, env, cwd } = this.#recipe
    const { home, temporary } = this.place
    const output = openSync(join(this.place.root, 'console.log'), 'a')
    const [program, ...args] = command
    const child = spawn(program!, args, {
      ...{ cwd: cwd ?? home, detached: true, stdio: ['ignore', output, output] },
      env: { PATH: process.env.PATH, HOME: home, TMPDIR: temporary, ...env },
    })
    closeSync(output)
    child.on('error', () => {})
    return child
  }

  #lastLines(): string {
    return readFileSync(join(this.place.root, 'console.log'), 'utf8').slice(-2000)
  }
}

export async function makePlace(name: string): Promise<Place> {
  const root = await makeDirectory(`gantry-bench-${name}`)
  const [home, temporary] = [join(root, 'user'), join(root, 'tmp')]
  for (const path of [home, temporary]) await mkdir(path)
  await chmod(temporary, 0o1777)
  return { root, home, temporary }
}

function isGone(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

function namesIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  } catch {
    return []
  }
}
