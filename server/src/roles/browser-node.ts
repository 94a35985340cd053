import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  BrowserHost,
  type findChromium,
  Journal,
  type JournalOptions,
  KeptRecordings,
  type KeptRecordingsOptions,
  NodeSessions,
  type OpenTunnel,
} from '#browsers/index.ts'
import { openAddressGuard } from '#kernel/addresses.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Home } from '#kernel/home.ts'
import type { NewId } from '#kernel/ids.ts'
import type { Log } from '#kernel/log.ts'
import type { Users } from '#kernel/unprivileged.ts'

const MIB = 1024 * 1024

export type Chromium = Awaited<ReturnType<typeof findChromium>>

export interface NodeOptions {
  config: Config
  home: Home
  users: Users
  chromium: Chromium
  log: Log
  clock: Clock
  newId: NewId
  /** What the fleet knows the machine as; otherwise an id that is made once for the data directory. */
  instanceId?: string
  sinkOf: KeptRecordingsOptions['sinkOf']
  /** Opens the tunnels of sessions. */
  openTunnel: OpenTunnel
  /** Takes what the node has to tell. */
  deliver(instanceId: string, ...entries: Parameters<JournalOptions['deliver']>): Promise<void>
}

/** The node role: the browsers of this machine. It knows no database. */
export class BrowserNode implements AsyncDisposable {
  readonly sessions: NodeSessions
  readonly #host: BrowserHost

  /** Adopts what an earlier process left, and reaps the rest. */
  static async open(options: NodeOptions): Promise<BrowserNode> {
    const { config, home, users, chromium, clock } = options
    const log = options.log.category('browsers')
    const host = await BrowserHost.open({
      ...{ home, chromium, clock, log },
      user: users.browser,
      guard: openAddressGuard({ allow: config.EGRESS_ALLOW }),
      openTunnel: options.openTunnel,
      sandbox: decideSandbox(config, chromium),
      maxBrowsers: config.MAX_SESSIONS,
      limits: {
        memoryLimitBytes: config.SESSION_MEMORY_MB * MIB,
        diskLimitBytes: config.SESSION_DISK_MB * MIB,
      },
    })
    const id = options.instanceId ?? (await instanceId(home, options.newId))
    const directory = join(home.run, 'recordings')
    const recordings = await KeptRecordings.open({
      ...{ directory, clock, log, sinkOf: options.sinkOf },
    })
    const sessions = new NodeSessions({ host, instanceId: id, clock, log, recordings })
    const path = join(home.run, 'journal.jsonl')
    const deliver: JournalOptions['deliver'] = (entries) => options.deliver(id, entries)
    const facts = await sessions.start(await Journal.open({ path, clock, log, deliver }))
    log.info(facts, 'sessions recovered')
    host.setPool({ max: config.MAX_SESSIONS, min: 0, spare: config.WARM_BROWSERS })
    return new BrowserNode(host, sessions)
  }

  private constructor(host: BrowserHost, sessions: NodeSessions) {
    this.#host = host
    this.sessions = sessions
  }

  /** Ends every session, and with it its browser. */
  async endAll(): Promise<void> {
    await this.sessions.endAll()
  }

  killAllNow(): void {
    this.#host.killAllNow()
  }

  /** Lets go without ending anything: another process may adopt the browsers that live. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions[Symbol.asyncDispose]()
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
