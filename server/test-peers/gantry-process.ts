import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'

const CLI = join(import.meta.dirname, '../../cli/bin/gantry.mjs')
const START_DEADLINE_MS = 90_000
const STOP_DEADLINE_MS = 40_000

export interface Answer {
  status: number
  // A test knows what it asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

/** `gantry serve` as a process of its own with an empty data directory, the way an operator runs it. */
export class GantryProcess implements AsyncDisposable {
  readonly url: string
  /** The data directory; removed with this. */
  readonly home: string
  readonly #child: ChildProcess
  readonly #output: Output

  private constructor(url: string, home: string, child: ChildProcess, output: Output) {
    this.url = url
    this.home = home
    this.#child = child
    this.#output = output
  }

  /** @throws Error with what the process printed when it is not ready within 90 s */
  static async start(
    settings: Record<string, string> = {},
    home = join(tmpdir(), `gantry-peer-${randomBytes(6).toString('hex')}`),
  ): Promise<GantryProcess> {
    const child = spawn(process.execPath, [CLI, 'serve'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...{ PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR },
        ...{ HOST: '127.0.0.1', PORT: '0', GANTRY_HOME: home, LOG_FORMAT: 'json' },
        ...{ AUTH_ATTEMPTS: '10000', UNAUTHENTICATED_REQUESTS: '1000000' },
        ...settings,
      },
    })
    const output = new Output(child)
    try {
      return new GantryProcess(await announcedUrl(child, output), home, child, output)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  /** How the process ended and what it said last; undefined while it runs. */
  get ending(): string | undefined {
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) return undefined
    return `gantry serve ended with ${exitCode ?? signalCode}:\n${this.#output.text}`
  }

  /** What it has said last. */
  get said(): string {
    return this.#output.text
  }

  async request(method: string, path: string, options: { token?: string; body?: unknown } = {}) {
    const { token, body } = options
    const response = await fetch(this.url + path, {
      method,
      signal: AbortSignal.timeout(60_000),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer: Answer = { status: response.status, body: await response.json() }
    return answer
  }

  /** Asks it to stop; the exit status, or the signal that ended it. */
  async stop(): Promise<number | NodeJS.Signals> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode!
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS)
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals]
    clearTimeout(late)
    return code ?? signal
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The last of what a process prints. */
class Output {
  text = ''

  constructor({ stdout, stderr }: ChildProcess) {
    for (const stream of [stdout!, stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.text = (this.text + chunk).slice(-20_000)))
    }
  }
}

async function announcedUrl(child: ChildProcess, output: Output): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.stdout!.on('data', () => {
    const url = /^ +Console +(\S+)\/$/m.exec(output.text)?.[1]
    if (url) resolve(url)
  })
  child.once('exit', (code) =>
    reject(new Error(`gantry serve ended with ${code}:\n${output.text}`)),
  )
  const late = setTimeout(
    () => reject(new Error(`gantry serve was not ready in time:\n${output.text}`)),
    START_DEADLINE_MS,
  )
  return promise.finally(() => clearTimeout(late))
}
