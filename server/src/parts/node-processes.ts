import { spawn } from 'node:child_process'
import { access, copyFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BrowserHost } from '#browsers/index.ts'
import type { NodeProcesses } from '#fleet/index.ts'
import { openAddressGuard } from '#kernel/addresses.ts'
import { systemClock } from '#kernel/clock.ts'
import { KEYS } from '#kernel/config-keys.ts'
import type { Config } from '#kernel/config.ts'
import { type Home, openHome } from '#kernel/home.ts'
import type { Logger } from '#kernel/log.ts'
import { isSameProcess, signalProcess, startTicks, waitForExit } from '#kernel/processes.ts'
import { lockRole } from '#kernel/role-lock.ts'
import { CHECKOUT, environment } from '../environment.ts'

export interface NodeProcessOptions {
  config: Config
  home: Home
  log: Logger
  /** Where the nodes reach the API. @throws Error when that is not known */
  controlPlaneUrl(): string
  /** Whether this process starts those again that have died; one process of a data directory does. */
  keeps: boolean
}

/** What is kept of a node process beside its data, so that a restarted control plane finds it again. */
interface Kept {
  instanceId: string
  purpose: string
  pid: number
  startTicks: number
  startedAtMs: number
  /** Times in a row that it died soon. */
  deaths: number
}

const END_MS = 60_000
const KILL_MS = 5_000
/** One that dies earlier, so many times in a row, is given up. */
const SOON_MS = 60_000
const MOST_DEATHS = 5
const CLI = join(CHECKOUT, 'cli/bin/gantry.mjs')
/** What a node process inherits beside what its configuration gives it: no credential of ours. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_EXTRA_CA_CERTS']
const PASSED = ['LOG_LEVEL', 'CHROMIUM_PATH', 'NODE_ENV', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const

const nowMs = () => systemClock.now().getTime()

/** More nodes and relays on this machine, each a process with a data directory of its own. They outlive this one. */
export function openNodeProcesses(options: NodeProcessOptions): NodeProcesses {
  const places = new Places(join(options.home.path, 'nodes'))
  const begin = async (kept: Pick<Kept, 'instanceId' | 'purpose' | 'deaths'>, token: string) => {
    const home = await places.open(kept.instanceId)
    // What has been found out of Chromium here holds there.
    const proof = 'chromium.json'
    await copyFile(join(options.home.run, proof), join(home.run, proof)).catch(() => {})
    const pid = start(childEnvironment(options, home, kept, token))
    const startedAtMs = nowMs()
    await places.keep({ ...kept, pid, startTicks: startTicks(pid) ?? 0, startedAtMs })
  }
  /** Whether the process of this place runs, after it has been started again if need be. */
  const isKept = async (kept: Kept): Promise<boolean> => {
    const { instanceId } = kept
    if (await places.running(instanceId)) return true
    if (!options.keeps) return false
    const deaths = nowMs() - kept.startedAtMs < SOON_MS ? kept.deaths + 1 : 1
    if (deaths > MOST_DEATHS || !(await places.isMember(instanceId))) {
      options.log.warn({ instance: instanceId, deaths }, 'a node process has ended, and stays so')
      await wipe(await places.open(instanceId), kept, options.log)
      return false
    }
    options.log.warn({ instance: instanceId, deaths }, 'a node process has died, and starts again')
    await begin({ ...kept, deaths }, '')
    return true
  }
  return {
    async spawn({ instanceId, purpose, joinToken }) {
      if (!(await places.running(instanceId))) {
        await begin({ instanceId, purpose, deaths: 0 }, joinToken)
      }
      return { processId: instanceId }
    },
    async list() {
      const found = []
      for (const kept of await places.all()) {
        const { instanceId, purpose } = kept
        if (await isKept(kept)) found.push({ processId: instanceId, instanceId, purpose })
      }
      return found
    },
    async end(processId) {
      const kept = (await places.all()).find(({ instanceId }) => instanceId === processId)
      if (!kept) return
      const running = await places.running(processId)
      if (running) await end(running)
      await wipe(await places.open(processId), kept, options.log)
    },
  }
}

type Running = Pick<Kept, 'pid' | 'startTicks'>

/** What a process does: it hosts browsers, or carries tunnels. */
const roleOf = ({ purpose }: Pick<Kept, 'purpose'>) => (purpose === 'relay' ? 'relay' : 'node')

/** The data directories of node and relay processes. */
class Places {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  open(instanceId: string): Promise<Home> {
    return openHome({ wanted: join(this.#root, instanceId), checkout: CHECKOUT, users: {} })
  }

  async all(): Promise<Kept[]> {
    const ids = await readdir(this.#root).catch(() => [])
    const kept = await Promise.all(ids.map((id) => this.#read(id)))
    return kept.filter((one) => one !== undefined)
  }

  async keep(kept: Kept): Promise<void> {
    const file = this.#file(kept.instanceId)
    await writeFile(`${file}.new`, JSON.stringify(kept), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }

  /** Whoever has the lock of its data directory is it, whatever else was written down. */
  async running(instanceId: string): Promise<Running | undefined> {
    const kept = await this.#read(instanceId)
    const lock = join(this.#root, instanceId, 'run', `${kept ? roleOf(kept) : 'node'}.lock`)
    const [pid = 0, ticks = 0] = (await readFile(lock, 'utf8').catch(() => ''))
      .split(' ')
      .map(Number)
    const holders = [{ pid, startTicks: ticks }, kept]
    return holders.find((one) => one && one.pid > 1 && isSameProcess(one.pid, one.startTicks))
  }

  /** Whether it has joined, and has not left for good. */
  async isMember(instanceId: string): Promise<boolean> {
    const has = (path: string) =>
      access(join(this.#root, instanceId, path)).then(
        () => true,
        () => false,
      )
    return (await has('keys/membership.json')) && !(await has('run/left'))
  }

  async #read(instanceId: string): Promise<Kept | undefined> {
    try {
      return JSON.parse(await readFile(this.#file(instanceId), 'utf8')) as Kept
    } catch {
      return undefined
    }
  }

  #file(instanceId: string): string {
    return join(this.#root, instanceId, 'process.json')
  }
}

/** An empty value hides one of the checkout's `.env`. */
function childEnvironment(
  { config, controlPlaneUrl }: NodeProcessOptions,
  home: Home,
  kept: Pick<Kept, 'instanceId' | 'purpose'>,
  token: string,
): Record<string, string> {
  const ours = environment()
  const taken = [...INHERITED, ...PASSED].map((name) => [name, ours[name] ?? ''])
  const { CHROMIUM_SANDBOX: sandbox, MAX_SESSIONS, WARM_BROWSERS, SHUTDOWN_SECONDS } = config
  return {
    ...Object.fromEntries(Object.keys(KEYS).map((name) => [name, ''])),
    ...(Object.fromEntries(taken) as Record<string, string>),
    ...{
      GANTRY_HOME: home.path,
      CONTROL_PLANE_URL: controlPlaneUrl(),
      INSTANCE_ID: kept.instanceId,
    },
    ...{ JOIN_TOKEN: token, ROLES: roleOf(kept), HOST: '127.0.0.1', NODE_PORT: '0' },
    ...(kept.purpose === 'relay' && relayEnvironment(config)),
    ...{ MAX_SESSIONS: String(MAX_SESSIONS), WARM_BROWSERS: String(WARM_BROWSERS) },
    ...{ SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS), LOG_FILES: config.LOG_FILES },
    EGRESS_ALLOW: config.EGRESS_ALLOW.join(','),
    // The node listens on loopback, but whoever reaches the API reaches its browsers.
    CHROMIUM_SANDBOX: sandbox === 'auto' && !config.loopbackOnly ? 'on' : sandbox,
  }
}

/** It listens where the API does, on ports of its own that it keeps; visitors may also come to the API's. */
function relayEnvironment(config: Config): Record<string, string> {
  const { HOST, TUNNEL_DOMAIN, TUNNEL_PORTS, TRUSTED_PROXIES } = config
  const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CERT_DIR } = config
  return {
    ...{ HOST, RELAY_PORT: '0', RELAY_INTERNAL_PORT: '0', TUNNEL_DOMAIN },
    TUNNEL_PORTS: TUNNEL_PORTS.join('-'),
    TRUSTED_PROXIES: TRUSTED_PROXIES.join(','),
    ...(TLS_CERT_FILE && { TLS_CERT_FILE, TLS_KEY_FILE: TLS_KEY_FILE ?? '' }),
    ...(TLS_CERT_DIR && { TLS_CERT_DIR }),
  }
}

function start(env: Record<string, string>): number {
  const options = { cwd: CHECKOUT, detached: true, stdio: 'ignore', env } as const
  const child = spawn(process.execPath, [CLI, 'serve'], options)
  child.on('error', () => {})
  child.unref()
  if (child.pid === undefined) throw new Error('the node process did not start')
  return child.pid
}

async function end({ pid, startTicks: ticks }: Running): Promise<void> {
  signalProcess(pid, 'SIGTERM')
  if (await waitForExit(pid, ticks, END_MS)) return
  signalProcess(pid, 'SIGKILL')
  await waitForExit(pid, ticks, KILL_MS)
}

/** Ends the browsers that the process has left, and removes its data directory. */
async function wipe(home: Home, kept: Pick<Kept, 'purpose'>, log: Logger): Promise<void> {
  await using _ = await lockRole(home, roleOf(kept))
  if (roleOf(kept) === 'node') await reap(home, log)
  await rm(home.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

async function reap(home: Home, log: Logger): Promise<void> {
  const host = await BrowserHost.open({
    ...{ home, log, clock: systemClock, guard: openAddressGuard({ allow: [] }) },
    ...{ sandbox: 'on', maxBrowsers: 1, chromium: NO_CHROMIUM },
  })
  await host.reap(new Set())
  await host.leave()
}

/** Whoever only wipes launches none. */
const NO_CHROMIUM = {
  ...{ path: '', headlessShell: true, frame: { width: 0, height: 0 }, environment: {} },
}
