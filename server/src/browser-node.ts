import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { findChromium } from '#browsers/index.ts'
import { BrowserHost, BrowserRuntime, CommandRecorder, SessionKeeper } from '#browsers/index.ts'
import { openAddressGuard } from '#kernel/addresses.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { Home } from '#kernel/home.ts'
import type { NewId } from '#kernel/ids.ts'
import type { Log } from '#kernel/log.ts'
import type { Users } from '#kernel/unprivileged.ts'

export type Chromium = Awaited<ReturnType<typeof findChromium>>

export interface NodeOptions {
  config: Config
  home: Home
  users: Users
  chromium: Chromium
  log: Log
  clock: Clock
  newId: NewId
  db: Db
  contextFor(accountId: string): Context
}

/** The node role: the browsers of this machine and who looks after them. */
export class BrowserNode implements AsyncDisposable {
  readonly runtime: BrowserRuntime
  readonly keeper: SessionKeeper
  readonly #host: BrowserHost

  static async open(options: NodeOptions): Promise<BrowserNode> {
    const { config, home, users, chromium, log, clock } = options
    const host = await BrowserHost.open({
      ...{ home, chromium, clock },
      user: users.browser,
      guard: openAddressGuard({ allow: config.EGRESS_ALLOW }),
      log: log.category('browsers'),
      sandbox: decideSandbox(config, chromium),
      maxBrowsers: config.MAX_SESSIONS,
    })
    return new BrowserNode(options, host, await instanceId(home, options.newId))
  }

  private constructor(options: NodeOptions, host: BrowserHost, instanceId: string) {
    const log = options.log.category('browsers')
    this.#host = host
    this.runtime = new BrowserRuntime({
      ...{ host, log, instanceId, maxSessions: options.config.MAX_SESSIONS },
      recorder: new CommandRecorder(options.db, log),
      ...(decideSandbox(options.config, options.chromium) === 'off' && { notice: NO_SANDBOX }),
    })
    this.keeper = new SessionKeeper(this.runtime, options.contextFor, log)
  }

  /** Ends every session, and with it its browser. */
  async endAll(): Promise<void> {
    await this.keeper.endAll()
  }

  killAllNow(): void {
    this.#host.killAllNow()
  }

  /** Lets go without ending anything: another process may adopt the browsers that live. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.keeper[Symbol.asyncDispose]()
    await this.runtime[Symbol.asyncDispose]()
    await this.#host[Symbol.asyncDispose]()
  }
}

/**
 * Where the kernel refuses Chromium's sandbox, Gantry goes on without it only while nobody but this machine reaches it.
 *
 * @throws Error that says how to give Chromium its sandbox, or how to do without it knowingly.
 */
export function decideSandbox(config: Config, { sandbox }: Chromium): 'on' | 'off' {
  if (config.CHROMIUM_SANDBOX !== 'auto') return config.CHROMIUM_SANDBOX
  if (sandbox === 'works') return 'on'
  if (config.loopbackOnly) return 'off'
  throw new Error(
    'This machine’s kernel refuses Chromium’s sandbox, and the server would be reachable from other machines. ' +
      `${SANDBOX_CURE} Or set CHROMIUM_SANDBOX=off to accept that a page which breaks out of Chromium runs as its user.`,
  )
}

const SANDBOX_CURE =
  'Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, or run the container with ' +
  '--security-opt seccomp=chrome.json).'

export const NO_SANDBOX = `Chromium runs without its sandbox. ${SANDBOX_CURE}`

/** Made once for a data directory. */
async function instanceId(home: Home, newId: NewId): Promise<string> {
  const file = join(home.keys, 'instance.id')
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept) return kept.trim()
  const id = newId('ins')
  await writeFile(`${file}.new`, `${id}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return id
}
