import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { rollThrough } from '#relays/rolling-fixture.ts'
import { makeCertificate } from '#test/certificate.ts'
import type { Part } from './tunnel-process.ts'

const FEW = 2_000
const MANY = 10_000
const PER_PROCESS = 500
const PROCESSES_AT_ONCE = 2
const MAX_KIB_EACH = 30
/** OpenSSL keeps as much again for each connection. */
const MAX_KIB_EACH_WITH_TLS = 60
const OPEN_MS = 300_000
/** Long enough for some PINGs of every link. */
const REST_MS = 20_000
const MAX_CPU_AT_REST = 0.5

test('orders through a rolling restart of two relays: none of 100,000 is lost, none is taken twice', async (t) => {
  const rolled = await rollThrough({ orders: 100_000, restarts: 4 })
  const { restarts, orders, served, sentAgain, failed, wrong } = rolled
  t.diagnostic(`${orders} orders, ${restarts} restarts, ${sentAgain} sent again by the balancer`)
  assert.deepEqual(failed, [])
  assert.deepEqual(wrong, [])
  assert.equal(served, orders)
})

test('ten thousand idle tunnels on one relay, each with a link of its own, take at most 30 KiB each', (t) =>
  idle(t, MAX_KIB_EACH))

test('ten thousand idle tunnels by TLS take at most 60 KiB each', async (t) =>
  idle(t, MAX_KIB_EACH_WITH_TLS, await makeCertificate(['127.0.0.1'])))

interface Diagnosed {
  diagnostic(text: string): void
}

async function idle(t: Diagnosed, maxKib: number, tls?: { cert: string; key: string }) {
  await using relay = new Process({ role: 'relay', ...(tls && { tls }) })
  const { url } = await relay.tells<{ url: string }>('url')
  await using agents = new AsyncDisposableStack()
  const open = async (from: number, upTo: number) => {
    const starts = Array.from(
      { length: (upTo - from) / PER_PROCESS },
      (_, at) => from + at * PER_PROCESS,
    )
    const waiting = starts.values()
    const one = async () => {
      for (const start of waiting) {
        const part = { role: 'agents', url, from: start, upTo: start + PER_PROCESS } as const
        const process = agents.use(new Process({ ...part, ...(tls && { ca: tls.cert }) }))
        await process.tells('open')
      }
    }
    await Promise.all(Array.from({ length: PROCESSES_AT_ONCE }, one))
  }
  await open(0, FEW)
  await rest()
  const few = await relay.memory()
  await open(FEW, MANY)
  const busyWith = await relay.memory()
  await rest()
  const many = await relay.memory()
  const each = (what: 'rss' | 'heapUsed') => (many[what] - few[what]) / 1024 / (MANY - FEW)
  t.diagnostic(`${each('rss').toFixed(1)} KiB each, ${each('heapUsed').toFixed(1)} of it heap`)
  t.diagnostic(`${(many.rss / 1024 / 1024).toFixed(0)} MiB with ${many.links} links`)
  assert.equal(many.links, MANY)

  const busy = (cpuOf(many) - cpuOf(busyWith)) / 1000 / REST_MS
  t.diagnostic(`at rest ${(busy * 100).toFixed(1)} % of a core`)
  assert.ok(each('rss') <= maxKib, `${each('rss')} KiB each`)
  assert.ok(busy <= MAX_CPU_AT_REST, `${busy} of a core`)
}

/** Pages that nobody needs go back meanwhile, and links that do not answer are lost. */
function rest(): Promise<void> {
  return new Promise((done) => setTimeout(done, REST_MS))
}

interface Memory {
  links: number
  rss: number
  heapUsed: number
  cpu: NodeJS.CpuUsage
}

const cpuOf = ({ cpu }: Memory) => cpu.user + cpu.system

class Process implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #told: Record<string, unknown>[] = []

  constructor(part: Part) {
    const script = join(import.meta.dirname, 'tunnel-process.ts')
    this.#child = spawn(process.execPath, ['--expose-gc', '--max-semi-space-size=16', script], {
      env: { PATH: process.env.PATH, MALLOC_ARENA_MAX: '2', PART: JSON.stringify(part) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#told.push(JSON.parse(line) as Record<string, unknown>)
    })
  }

  /** The newest line that has this member. */
  async tells<Line>(member: string): Promise<Line> {
    const find = () => {
      assert.equal(this.#child.exitCode, null, 'it runs')
      return this.#told.findLast((line) => member in line)
    }
    return (await eventually(`it tells its ${member}`, find, OPEN_MS)) as Line
  }

  async memory(): Promise<Memory> {
    this.#told.length = 0
    this.#child.kill('SIGUSR2')
    return this.tells<Memory>('rss')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
