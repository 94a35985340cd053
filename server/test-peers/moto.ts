import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '#kernel/test-support.ts'
import { findProgram } from './pypi.ts'

const START_DEADLINE_MS = 60_000

/** The EC2 emulator. */
export function findMoto() {
  const wanted = 'moto[ec2,server]'
  return findProgram({ name: 'moto', version: '5.2.5', wanted, file: 'moto_server' })
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
