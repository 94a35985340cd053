import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const scripts = join(import.meta.dirname, '..')
const DEADLINE_MS = 30_000

/** A directory that looks like a checkout: our scripts, a lockfile, what npm installed, and files of the test's own. */
export class FakeCheckout implements AsyncDisposable {
  readonly root: string
  readonly #children: ChildProcess[] = []

  private constructor(root: string) {
    this.root = root
  }

  static async make(files: Record<string, string> = {}): Promise<FakeCheckout> {
    const checkout = new FakeCheckout(await mkdtemp(join(tmpdir(), 'gantry-scripts-')))
    await cp(join(scripts, 'lib'), join(checkout.root, 'scripts/lib'), { recursive: true })
    await cp(join(scripts, 'start.mjs'), join(checkout.root, 'scripts/start.mjs'))
    for (const [path, text] of Object.entries(files)) await checkout.write(path, text)
    return checkout
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true })
    await writeFile(join(this.root, path), text)
  }

  async read(path: string): Promise<string | undefined> {
    return readFile(join(this.root, path), 'utf8').catch(() => undefined)
  }

  /** As npm leaves it after an install of this lockfile; the pinned Node is the one that runs the tests. */
  async install(packages: object = {}): Promise<void> {
    const lock = JSON.stringify({ packages })
    await this.write('package-lock.json', lock)
    await this.write('node_modules/.package-lock.json', lock)
    const bin = join(this.root, `node_modules/node-${process.platform}-${process.arch}/bin`)
    await mkdir(bin, { recursive: true })
    await symlink(process.execPath, join(bin, 'node'))
  }

  /** Runs one of its scripts; ended at the latest with the checkout. */
  run(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(process.execPath, [join(this.root, script), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, npm_execpath: '', ...env },
    })
    this.#children.push(child)
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    await rm(this.root, { recursive: true, force: true })
  }
}

/** Polls a fact until it is there. */
export async function eventually<Fact>(
  what: string,
  look: () => Promise<Fact | undefined | false>,
): Promise<Fact> {
  const giveUpAt = performance.now() + DEADLINE_MS
  while (performance.now() < giveUpAt) {
    const fact = await look()
    if (fact) return fact
    await sleep(10)
  }
  assert.fail(`not within ${DEADLINE_MS / 1000} s: ${what}`)
}

/** The exit status of a process and what it printed. */
export async function outcome(child: ChildProcess): Promise<{ status: unknown; output: string }> {
  let output = ''
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const status = await new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  return { status, output }
}
