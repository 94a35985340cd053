import type { Clock } from '#kernel/clock.ts'
import { Problem } from '#kernel/problem.ts'
import { serve } from '#kernel/test-http.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { addPeople, cloneDatabase } from '#test/database.ts'
import { fleet, type FleetParts } from './index.ts'
import type { LaunchPreferences } from './parts.ts'
import {
  type LaunchSpec,
  type Listing,
  type Machine,
  type MachineProvider,
  type MachineRef,
  ProviderFailure,
} from './providers/provider.ts'

/** Users of the test server, and what each may do. */
const USERS = {
  ...{ ann: ['fleet.read', 'fleet.write'], bob: ['fleet.read'], eve: [] },
  cid: ['sessions.read'],
}

export const FINGERPRINT = Array.from({ length: 32 }, () => 'A7').join(':')
export const OTHER_FINGERPRINT = Array.from({ length: 32 }, () => 'B8').join(':')
export const facts = { capacity: 10, sessions: 0, version: '1.0.0' }

/** A clock that stands still until it is told to go on. */
export class StoppedClock implements Clock {
  #ms = Date.parse('2026-11-20T12:00:00.000Z')

  now(): Date {
    return new Date(this.#ms)
  }

  monotonicMs(): number {
    return this.#ms
  }

  advance(seconds: number): void {
    this.#ms += seconds * 1000
  }
}

/** The code of the problem that the promise is refused with, or `none`. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => {
      if (error instanceof Problem) return error.code
      throw error
    },
  )
}

/** A cloud at the edge: it launches at once, unless told to fail. */
export class TestCloud implements MachineProvider {
  readonly kind = 'machines'
  readonly name = 'ec2'
  readonly refuses = {}
  readonly regions = ['eu-central-1', 'us-east-1']
  readonly machines = new Map<string, Machine>()
  readonly launches: LaunchSpec[] = []
  readonly #clock: Clock
  /** What the next calls of a kind fail with. */
  failLaunch: ProviderFailure | undefined
  failList: ProviderFailure | undefined
  /** Regions that cannot be listed. */
  readonly silent = new Set<string>()
  readonly restarts: MachineRef[] = []
  /** Happens while a machine is being made. */
  meanwhile: (() => Promise<unknown>) | undefined
  /** Makes the machine and then fails: the answer is lost. */
  loseAnswer = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(machine: Partial<Machine> & { providerId: string }): Machine {
    const added: Machine = { state: 'running', providerStatus: 'running', ...machine }
    this.machines.set(added.providerId, added)
    return added
  }

  get alive(): Machine[] {
    return [...this.machines.values()].filter(({ state }) => state !== 'gone')
  }

  async launch(spec: LaunchSpec): Promise<Machine> {
    this.launches.push(spec)
    if (this.failLaunch) throw this.failLaunch
    const { instanceId, purpose, spot, region = this.regions[0]! } = spec
    const there = this.alive.find((machine) => machine.instanceId === instanceId)
    const providerId = `i-${String(this.machines.size + 1).padStart(17, '0')}`
    const made = { providerId, instanceId, purpose, spot, region, launchedAt: this.#clock.now() }
    const machine = there ?? this.add(made)
    await this.meanwhile?.()
    if (this.loseAnswer) {
      this.loseAnswer = false
      throw new ProviderFailure('unavailable', 'the answer was lost')
    }
    return machine
  }

  async list(): Promise<Listing> {
    if (this.failList) throw this.failList
    const isHeard = (region: string) => !this.silent.has(region)
    return {
      machines: [...this.machines.values()].filter(({ region }) => !region || isHeard(region)),
      heard: this.regions.filter(isHeard),
      failures: [...this.silent].map((region) => new ProviderFailure('unavailable', region)),
    }
  }

  async describe({ providerId }: MachineRef): Promise<Machine | undefined> {
    return this.machines.get(providerId)
  }

  async restart(machine: MachineRef): Promise<void> {
    this.restarts.push(machine)
  }

  async terminate({ providerId }: MachineRef): Promise<void> {
    const machine = this.machines.get(providerId)
    if (!machine) return
    this.machines.set(providerId, { ...machine, state: 'gone', providerStatus: 'terminated' })
  }
}

export interface FleetOptions {
  providers?: FleetParts['providers']
}

/** The fleet over a database of its own, with a cloud that is a double, and over HTTP. */
export async function openTestFleet(options: FleetOptions = {}) {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await cloneDatabase())
  await addPeople(database.address, ['ann', 'bob', 'cid'])
  const clock = new StoppedClock()
  const cloud = new TestCloud(clock)
  const ended: string[] = []
  const load = { queued: 0, oldestQueuedSeconds: 0 }
  const open = new Set<string>()
  const preferences: LaunchPreferences = {}
  const parts: FleetParts = {
    providers: options.providers ?? new Map([['ec2', cloud]]),
    joinSecret: Buffer.alloc(32, 7),
    publicKeys: async () => [{ kty: 'OKP', kid: 'test' }],
    load: async () => load,
    sessionsToEnd: async (_ctx, _id, sessions) => sessions.filter((id) => !open.has(id)),
    generationsOf: async () => ({}),
    endSessions: async (_ctx, id) => void ended.push(id),
    accountOf: async (_ctx, userId) => USERS_OF[userId],
    preferencesOf: async () => preferences,
    allows: (actor, permission) => actor.kind === 'user' && actor.roles.includes(permission),
  }
  const capability = fleet(() => parts)
  const jobs = capability.jobsByName
  const kernel = stack.use(
    await openTestKernel({ address: database.address, jobs: capability.jobs, clock, graceMs: 100 }),
  )
  const server = stack.use(await serve(kernel, [capability], USERS))
  const run = { id: 'run', retries: 0, progress: async () => undefined }
  return {
    ...{ kernel, clock, cloud, parts, jobs, server, ended, load, open, ctx: kernel.ctx },
    /** Of everybody. */
    preferences,
    fleet: { parts, jobs },
    /** Runs a job as a worker would; `retries` are the tries before. */
    perform: (name: keyof typeof jobs, id: string, retries = 0) =>
      jobs[name].run(kernel.ctx, { id }, { ...run, retries }),
    request: (method: string, path: string, body?: unknown, as = 'ann') =>
      server.request(method, path, { as, ...(body !== undefined && { body }) }),
    kinds: async () => {
      const rows = await kernel.db.selectFrom('events').select('kind').orderBy('id').execute()
      return rows.map(({ kind }) => kind)
    },
    jobsOf: async (name: string) => {
      const { rows } = await kernel.pool.query<{ id: string }>(
        `select data -> 'input' ->> 'id' as id from pgboss.job where name = $1 and state < 'completed'`,
        [name],
      )
      return rows.map(({ id }) => id)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type TestFleet = Awaited<ReturnType<typeof openTestFleet>>

const USERS_OF: Record<string, string> = {
  ...{ usr_ann: 'acc_ann', usr_bob: 'acc_bob' },
  usr_cid: 'acc_cid',
}
