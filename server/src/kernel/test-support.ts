import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openHome, type Home } from './home.ts'
import { findUsers } from './unprivileged.ts'

export const isRoot = process.getuid?.() === 0

/** A path that nobody has, removed when the test that asked for it is done, or else the test file. */
export function temporaryPath(ending = ''): string {
  const path = join(tmpdir(), `gantry-test-${randomBytes(6).toString('hex')}${ending}`)
  after(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  return path
}

export async function temporaryHome(path = temporaryPath()): Promise<Home> {
  return openHome({ wanted: path, checkout: import.meta.dirname, users: await findUsers() })
}

/** Polls a fact until it is there. */
export async function eventually<Fact>(
  what: string,
  look: () => Fact | undefined | false | Promise<Fact | undefined | false>,
  deadlineMs = 30_000,
): Promise<Fact> {
  const giveUpAt = performance.now() + deadlineMs
  for (; performance.now() < giveUpAt; await sleep(10)) {
    const fact = await look()
    if (fact) return fact
  }
  assert.fail(`not within ${deadlineMs} ms: ${what}`)
}

/**
 * A port on which nobody listens. Systems choose the port of a connection, and of a listener that leaves it open, from 32768 on:
 * below it no other test gets the port by chance before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_768)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

let collectGarbage: (() => void) | undefined

/** What this process keeps, in MiB: what nobody refers to any more is not counted, though it may not be given back yet. */
export function keptMib(): number {
  setFlagsFromString('--expose-gc')
  collectGarbage ??= runInNewContext('gc') as () => void
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

/** Another process of ours that runs `code` as a module; `modules` gives the file of each name that it uses. */
export class Script implements Disposable {
  readonly child: ChildProcess
  readonly #output: Promise<string>

  constructor(modules: Record<string, string>, code: string) {
    const imports = Object.entries(modules).map(
      ([name, file]) => `import { ${name} } from '${import.meta.resolve(file)}'`,
    )
    const source = [...imports, code].join('\n')
    this.child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#output = text(this.child.stdout!)
  }

  /** What it printed until it ended. */
  get output(): Promise<string> {
    return this.#output
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL')
  }
}

/** Code by which a script of root's becomes an ordinary user; its imports are loaded before. */
export const ORDINARY_ID = 65_534
export const becomeOrdinary = `
  process.setgroups([])
  process.setgid(${ORDINARY_ID})
  process.setuid(${ORDINARY_ID})`
