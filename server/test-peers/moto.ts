import { type ChildProcess, execFile, type ExecFileException, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '#kernel/test-support.ts'

const run = promisify(execFile)
const VERSION = '5.2.5'
const CACHE = join(import.meta.dirname, '../../node_modules/.cache')
const INSTALL_DEADLINE_MS = 5 * 60_000
const START_DEADLINE_MS = 60_000

/** The EC2 emulator, installed from PyPI into a virtual environment of its own when it is not there yet. */
export async function findMoto(): Promise<{ program: string } | { missing: string }> {
  const directory = join(CACHE, `moto-${VERSION}`)
  const program = join(directory, 'bin/moto_server')
  if (existsSync(join(directory, 'complete'))) return { program }
  const options = { timeout: INSTALL_DEADLINE_MS }
  try {
    await mkdir(CACHE, { recursive: true })
    await rm(directory, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', directory], options)
    const pip = ['-m', 'pip', 'install', '--quiet', `moto[ec2,server]==${VERSION}`]
    await run(join(directory, 'bin/python'), pip, options)
    await mkdir(join(directory, 'complete'))
    return { program }
  } catch (error) {
    const { message, stderr } = error as ExecFileException
    const reason = (stderr || message).trim().split('\n').slice(-3).join(' ')
    return { missing: `moto ${VERSION} cannot be installed: ${reason}` }
  }
}

/** An EC2 of its own, empty but for what every account of AWS has. */
export class MotoServer implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  static async start(program: string): Promise<MotoServer> {
    const port = await freePort()
    const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    const moto = new MotoServer(`http://127.0.0.1:${port}`, child)
    const giveUpAt = performance.now() + START_DEADLINE_MS
    while (!(await answers(moto.url))) {
      if (child.exitCode !== null || performance.now() > giveUpAt) {
        await moto[Symbol.asyncDispose]()
        throw new Error('moto did not start')
      }
      await sleep(100)
    }
    return moto
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

async function answers(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(2_000)
  return fetch(`${url}/moto-api/`, { signal }).then(
    ({ ok }) => ok,
    () => false,
  )
}
