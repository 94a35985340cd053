import { findChromium } from '#browsers/index.ts'
import { type Config, unusedNames } from '#kernel/config.ts'
import { type DatabaseAddress, parseDatabaseUrl } from '#kernel/db.ts'
import { type Home, openHome } from '#kernel/home.ts'
import { type Log, openLog } from '#kernel/log.ts'
import { readAddress } from '#kernel/postgres/address.ts'
import { EmbeddedPostgres } from '#kernel/postgres/embedded-postgres.ts'
import { lockRole, type RoleLock } from '#kernel/role-lock.ts'
import { releaseLoadMemory } from '#kernel/memory.ts'
import type { Tracing } from '#kernel/tracing.ts'
import { findUsers, type Users } from '#kernel/unprivileged.ts'
import type { App } from './app.ts'
import { decideSandbox, NO_SANDBOX } from './roles/browser-node.ts'
import { CHECKOUT, environment } from './environment.ts'

/** A terminal's Ctrl-C reaches us from the terminal, from npm and from the launcher: one press, several signals. */
const SAME_PRESS_MS = 1_000

/** What is open below the app; also for commands that need the database but serve nothing. */
export interface Ground {
  config: Config
  home: Home
  users: Users
  log: Log
  database: DatabaseAddress
  close(): Promise<void>
  closeNow(): void
}

/**
 * Opens the data directory, the log and the database. The process with the `api` role owns the embedded server; a command that is
 * not `serving` has no role, uses the server that runs, and owns one for its time only where none does.
 */
export async function openGround(
  given: Config,
  { serving = true, traceIds }: { serving?: boolean; traceIds?: Tracing['traceIds'] } = {},
): Promise<Ground> {
  const config: Config = serving ? given : { ...given, ROLES: [], LOG_FILES: 'off' }
  const base = await openBase(config, {
    serving,
    roles: given.ROLES,
    ...(traceIds && { traceIds }),
  })
  const database = await openDatabase({ ...base, serving })
  return {
    ...base,
    database: database.address,
    closeNow: database.stopNow,
    close: async () => {
      await database.stop()
      await base.close()
    },
  }
}

type Base = Pick<Ground, 'config' | 'home' | 'users' | 'log' | 'close'>

/** The data directory, its locks, and the log. */
async function openBase(
  config: Config,
  {
    serving = true,
    roles = config.ROLES,
    traceIds,
  }: { serving?: boolean; roles?: Config['ROLES']; traceIds?: Tracing['traceIds'] } = {},
): Promise<Base> {
  const users = await findUsers(neededUsers({ ...config, ROLES: roles }))
  const home = await openHome({ wanted: config.GANTRY_HOME, checkout: CHECKOUT, users })
  const locks = await takeLocks(home, config.ROLES)
  const log = await openLog({
    levels: serving ? config.LOG_LEVEL : { default: 'warn', byCategory: {} },
    console: consoleFormat(config),
    ...(traceIds && { traceIds }),
    ...(config.LOG_FILES === 'on' && { directory: home.logs }),
  })
  return {
    ...{ config, home, users, log },
    close: async () => {
      await log[Symbol.asyncDispose]()
      for (const lock of locks) await lock[Symbol.asyncDispose]()
    },
  }
}

interface OpenDatabase {
  address: DatabaseAddress
  stop(): Promise<void>
  stopNow(): void
}

async function openDatabase(
  around: Pick<Ground, 'config' | 'home' | 'users' | 'log'> & { serving: boolean },
): Promise<OpenDatabase> {
  const { config, home, users, log, serving } = around
  const other = (address: DatabaseAddress) => ({ address, stop: async () => {}, stopNow: () => {} })
  if (config.DATABASE_URL) return other(parseDatabaseUrl(config.DATABASE_URL))
  const lock = serving ? undefined : await lockRole(home, 'api').catch(() => undefined)
  const owner = serving ? config.ROLES.includes('api') : lock !== undefined
  if (!owner) return other(await readAddress(home))
  const server = await EmbeddedPostgres.open({ home, users, log: log.category('postgres') })
  return {
    address: server.address,
    stop: async () => {
      await server.stop()
      await lock?.[Symbol.asyncDispose]()
    },
    stopNow: () => server.stopNow(),
  }
}

async function takeLocks(home: Home, roles: readonly string[]): Promise<RoleLock[]> {
  const locks: RoleLock[] = []
  for (const role of roles) locks.push(await lockRole(home, role))
  return locks
}

/** Runs the product until a signal asks it to stop. @throws Error when it cannot run */
export async function run(config: Config, traceIds?: Tracing['traceIds']): Promise<void> {
  const signals = new Signals()
  if (isAlone(config, 'node')) return runNode(config, signals)
  if (isAlone(config, 'relay')) return runRelay(config, signals)
  const ground = await openGround(config, traceIds && { traceIds })
  try {
    signals.onSecond(() => ground.closeNow())
    await runApp(ground, signals)
  } finally {
    await ground.close()
  }
}

const isAlone = ({ ROLES }: Config, role: string) => ROLES.length === 1 && ROLES[0] === role

/** Runs a machine that only hosts browsers, until a signal asks it to stop or it was drained. */
async function runNode(config: Config, signals: Signals): Promise<void> {
  const ground = await openBase(config)
  const main = ground.log.category('main')
  process.on('unhandledRejection', (error) => main.error({ err: error }, 'unhandled rejection'))
  try {
    const { NodeRole } = await import('./roles/node-role.ts')
    await NodeRole.check(ground)
    const chromium = await chooseChromium(ground)
    if (signals.received) return
    await using role = await NodeRole.open({ ...ground, chromium })
    signals.onSecond(() => role.killAllNow())
    if (decideSandbox(config, chromium) === 'off') main.warn(NO_SANDBOX)
    releaseLoadMemory()
    void role.joined.then(() => process.stdout.write(readyText(config)))
    const why = await Promise.race([signals.first, role.left.then(() => 'drained')])
    main.info({ why }, 'stopping; once more stops at once')
    await role.endAll()
  } finally {
    await ground.close()
  }
}

const readyText = ({ CONTROL_PLANE_URL }: Config) =>
  `\n  Gantry is ready: this node hosts browsers for ${CONTROL_PLANE_URL}.\n\n`

/** Runs a process that only carries tunnels, until a signal asks it to stop or the control plane does. */
async function runRelay(config: Config, signals: Signals): Promise<void> {
  const ground = await openBase(config)
  const main = ground.log.category('main')
  process.on('unhandledRejection', (error) => main.error({ err: error }, 'unhandled rejection'))
  try {
    const { RelayRole } = await import('./roles/relay-role.ts')
    await RelayRole.check(ground)
    if (signals.received) return
    await using role = await RelayRole.open(ground)
    void role.joined.then(
      () => process.stdout.write(relayText(config)),
      () => {},
    )
    const why = await Promise.race([signals.first, role.left.then(() => 'stopped')])
    main.info({ why }, 'stopping; once more stops at once')
    await role.leave()
  } finally {
    await ground.close()
  }
}

const relayText = ({ CONTROL_PLANE_URL }: Config) =>
  `\n  Gantry is ready: this relay carries tunnels for ${CONTROL_PLANE_URL}.\n\n`

async function runApp(ground: Ground, signals: Signals): Promise<void> {
  const { config, log } = ground
  const main = log.category('main')
  process.on('unhandledRejection', (error) => main.error({ err: error }, 'unhandled rejection'))
  for (const note of unusedNames(environment())) main.warn(note)
  const chromium = config.ROLES.includes('node') ? await chooseChromium(ground) : undefined
  if (signals.received) return
  const { App } = await import('./app.ts')
  const app = await App.open({ ...ground, ...(chromium && { chromium }) })
  signals.onSecond(() => app.killNow())
  try {
    if (chromium && decideSandbox(config, chromium) === 'off') {
      main.warn(NO_SANDBOX)
    }
    releaseLoadMemory()
    await announce(app, config)
    const signal = await signals.first
    main.info({ signal }, 'stopping; once more stops at once')
  } finally {
    await app.stop()
  }
}

function chooseChromium({ config, home, users, log }: Base) {
  return findChromium({
    ...{ home, user: users.browser, log: log.category('browsers') },
    ...(config.CHROMIUM_PATH && { configured: config.CHROMIUM_PATH }),
    env: { PATH: environment().PATH },
  })
}

async function announce(app: App, config: Config): Promise<void> {
  if (!config.ROLES.includes('api')) return
  const lines = [
    '',
    `  Gantry is ready.`,
    '',
    `  Console       ${app.url}/`,
    `  API document  ${app.url}/api/docs`,
  ]
  const link = await app.identity.createBootstrapLink(app.systemContext(), app.url)
  if (link)
    lines.push(
      '',
      '  Make the first super-admin (this link works once, for 15 minutes):',
      `  ${link}`,
    )
  process.stdout.write(`${lines.join('\n')}\n\n`)
}

/** SIGINT, SIGTERM and SIGHUP: the first asks to stop, a later one stops at once. */
class Signals {
  readonly first: Promise<NodeJS.Signals>
  received = false
  readonly #onSecond: (() => void)[] = []

  constructor() {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
    this.first = promise
    let firstMs: number | undefined
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        firstMs ??= performance.now()
        this.received = true
        resolve(signal)
        if (performance.now() - firstMs > SAME_PRESS_MS) this.#stopAtOnce()
      })
    }
  }

  onSecond(effect: () => void): void {
    this.#onSecond.unshift(effect)
  }

  #stopAtOnce(): void {
    for (const effect of this.#onSecond) effect()
    process.exit(130)
  }
}

function neededUsers(config: Config): ('database' | 'browser')[] {
  const embedded = !config.DATABASE_URL && config.ROLES.includes('api')
  return [
    ...(embedded ? (['database'] as const) : []),
    ...(config.ROLES.includes('node') ? (['browser'] as const) : []),
  ]
}

function consoleFormat({ LOG_FORMAT }: Config): 'pretty' | 'json' {
  if (LOG_FORMAT !== 'auto') return LOG_FORMAT
  return process.stdout.isTTY ? 'pretty' : 'json'
}
