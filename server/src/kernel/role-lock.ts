import { spawn } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Home } from './home.ts'
import { isSameProcess, startTicks } from './processes.ts'

const FLOCK_DEADLINE_MS = 5_000
const HOLDER_NAME_ATTEMPTS = 20
const HOLDER_NAME_PAUSE_MS = 50

/** The right to play one role on one data directory. The kernel takes it back when this process ends, however it ends. */
export class RoleLock implements AsyncDisposable {
  // A bare descriptor: a FileHandle that nobody refers to any more would be closed, and the lock with it.
  #descriptor: number | undefined

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#descriptor === undefined) return
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    ftruncateSync(descriptor)
    closeSync(descriptor)
  }
}

/** @throws Error that names the holder's pid when another process has the role. */
export async function lockRole(home: Home, role: string): Promise<RoleLock> {
  const path = join(home.run, `${role}.lock`)
  // Node opens with O_CLOEXEC, so no program that we start keeps the lock alive after us.
  const descriptor = openSync(path, 'a+', 0o600)
  try {
    if (!(await flock(descriptor))) throw new Error(await describeHolder(home, role, path))
    ftruncateSync(descriptor)
    writeSync(descriptor, `${process.pid} ${startTicks(process.pid)}\n`)
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  return new RoleLock(descriptor)
}

/**
 * Locks the open file by way of util-linux's `flock`, since Node has no call for it. The lock belongs to the open file, which
 * the child shares with us, so it stays when the child ends.
 */
function flock(descriptor: number): Promise<boolean> {
  const child = spawn('flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
    timeout: FLOCK_DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new Error('`flock` cannot be run; install util-linux', { cause })),
    )
    child.once('exit', (status, signal) => {
      if (status === 0 || status === 1) resolve(status === 0)
      else
        reject(
          new Error(`The data directory cannot be locked: flock ended with ${status ?? signal}`),
        )
    })
  })
}

async function describeHolder(home: Home, role: string, path: string): Promise<string> {
  const pid = await readHolder(path)
  const holder = pid === undefined ? 'Another process' : `Process ${pid}`
  return (
    `${holder} already runs the role ${role} on ${home.path}. ` +
    'Stop it, or set GANTRY_HOME to another directory.'
  )
}

/** The holder writes its name just after it has the lock, so there may be a moment without one. */
async function readHolder(path: string): Promise<number | undefined> {
  for (let attempt = 0; attempt < HOLDER_NAME_ATTEMPTS; attempt++) {
    const [pid, ticks] = readFileSync(path, 'utf8').split(' ').map(Number)
    if (pid && ticks && isSameProcess(pid, ticks)) return pid
    await sleep(HOLDER_NAME_PAUSE_MS)
  }
  return undefined
}
