import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory } from '#test/directory.ts'
import { announcedEndpoint } from './dev-tools.ts'

const QUIET = { DBUS_SESSION_BUS_ADDRESS: 'disabled:', LANG: 'en_US.UTF-8', TZ: 'UTC' }

/** How the product launched a browser, so that a bare one is launched the same way. */
interface Recipe {
  command: string[]
  user: { uid: number; gid: number }
}

/** A Chromium that nobody but the benchmark has to do with. */
export interface BareBrowser extends AsyncDisposable {
  pid: number
  endpoint: string
}

/** Launches Chromium as the product has launched the browser with this pid. Disposing of it removes its directories. */
export class BareLauncher implements AsyncDisposable {
  readonly #recipe: Recipe
  readonly #directory: string
  #launches = 0

  static async like(pid: number): Promise<BareLauncher> {
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replace(/\0+$/, '')
    const { uid, gid } = await stat(`/proc/${pid}`)
    const recipe = { command: splitSwitches(commandLine), user: { uid, gid } }
    return new BareLauncher(recipe, await makeDirectory('gantry-bench'))
  }

  private constructor(recipe: Recipe, directory: string) {
    this.#recipe = recipe
    this.#directory = directory
  }

  /** Making its directories is not part of a launch: `prepare` does that. */
  async prepare(): Promise<() => Promise<BareBrowser>> {
    const path = join(this.#directory, String(++this.#launches))
    const { uid, gid } = this.#recipe.user
    for (const part of [path, join(path, 'profile'), join(path, 'tmp')]) {
      await mkdir(part, { mode: 0o700 })
      if (process.getuid?.() === 0) await chown(part, uid, gid)
    }
    return async () => {
      const child = this.#spawn(path)
      return {
        pid: child.pid!,
        endpoint: await announcedEndpoint(child),
        async [Symbol.asyncDispose]() {
          process.kill(-child.pid!, 'SIGKILL')
          await once(child, 'exit')
          await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
        },
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
  }

  #spawn(path: string): ChildProcess {
    const { command, user } = this.#recipe
    const [program, ...switches] = command.map((part) =>
      part.startsWith('--user-data-dir=') ? `--user-data-dir=${join(path, 'profile')}` : part,
    )
    return spawn(program!, switches, {
      ...(process.getuid?.() === 0 && user),
      detached: true,
      cwd: path,
      env: { PATH: process.env.PATH, HOME: path, TMPDIR: '/proc/self/cwd/tmp', ...QUIET },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }
}

/** Chromium joins its arguments by spaces once it runs, and a switch may hold spaces itself. */
function splitSwitches(commandLine: string): string[] {
  return commandLine.split(/[\0 ](?=--)| (?=about:blank$)/)
}
