// What tunnel.bench.ts measures, section by section. Each prints what it has once its signal is aborted.
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { median, percentile } from './figures.ts'
import { cpuSeconds, residentMib } from './processes.ts'
import { judge, printTable } from './table.ts'
import { judgeShare } from './tunnel-bars.ts'
import type { Chain } from './tunnel-chain.ts'
import type { Opener } from './tunnel-peers.ts'
import { answers, type Asked, HOST, load, one, smallFor, type Way } from './tunnel-requests.ts'

export type Ways = Record<string, Way>

const ROUNDS = 3
const SECONDS = 4
const BIG_MB = 104.8576
const BIG_BYTES = BIG_MB * 1e6
const HALF_TRIP_MS = 25
const OPENINGS = 5
/** Who has no answer by then was refused. */
const OPEN_MS = 3_000
const ALONE = 1_000
/** Less in so long is at rest. */
const FILLING_MIB = 4
const FILLING_MS = 2_000

/** From the start of an agent to the first answer of the service; each begins as soon as the one before was killed. */
export async function opened(openers: Record<string, Opener>, signal: AbortSignal): Promise<void> {
  const empty: number[] = []
  for (let at = 0; at < OPENINGS; at++) empty.push(await emptyProgram())
  const rows: (string | number)[][] = [['an empty program of Node', median(empty).toFixed(0), '-']]
  for (const [name, opener] of Object.entries(openers)) {
    if (signal.aborted) break
    const took = await openings(opener, signal)
    const refused = OPENINGS - took.length
    rows.push([name, middle(took).toFixed(0), `${refused} of ${OPENINGS}`])
    if (name === 'Gantry') {
      judgeShare('opened', middle(took), median(empty))
      judge('openings refused', refused, '<=', 0)
    }
  }
  printTable(`Opened, the median of ${OPENINGS}`, ['', 'ms', 'refused'], rows)
}

async function openings({ port, begin }: Opener, signal: AbortSignal): Promise<number[]> {
  const took: number[] = []
  // The first of all compiles what later ones find in Node's cache.
  let agent: ChildProcess | undefined = begin()
  await answers(port, performance.now() + OPEN_MS)
  await endInOrder(agent)
  for (let at = 0; at < OPENINGS && !signal.aborted; at++) {
    agent.kill('SIGKILL')
    const begunMs = performance.now()
    agent = begin()
    if (await answers(port, begunMs + OPEN_MS)) took.push(performance.now() - begunMs)
  }
  return took
}

async function endInOrder(agent: ChildProcess): Promise<void> {
  const late = setTimeout(() => agent.kill('SIGKILL'), OPEN_MS)
  if (agent.kill('SIGTERM')) await once(agent, 'exit')
  clearTimeout(late)
}

async function emptyProgram(): Promise<number> {
  const begunMs = performance.now()
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
  return performance.now() - begunMs
}

export async function smallRequests(ways: Ways, signal: AbortSignal): Promise<void> {
  const figures = await inTurns(ways, ROUNDS, signal, async (way) => load(way, 64, SECONDS))
  printTable(
    `Small requests, 64 connections, ${ROUNDS} rounds of ${SECONDS} s`,
    ['', 'requests/s', 'p99 ms', 'CPU µs each', 'by process', 'wrong'],
    Object.entries(figures).map(([name, runs]) => [
      ...[name, middle(runs.map((run) => run.perSecond)).toFixed(0)],
      ...[middle(runs.map((run) => run.p99)).toFixed(1)],
      middle(runs.map((run) => run.cpuMicros)).toFixed(1),
      (runs[0]?.each ?? [])
        .map((_, at) => middle(runs.map((run) => run.each[at]!)).toFixed(1))
        .join(' + '),
      runs.reduce((sum, run) => sum + run.wrong, 0),
    ]),
  )
  const of = (name: string, what: 'perSecond' | 'cpuMicros') =>
    middle(figures[name]!.map((run) => run[what]))
  judgeShare('requests', of('Gantry', 'perSecond'), of('bare Node proxy', 'perSecond'))
  judgeShare('cpu', of('Gantry', 'cpuMicros'), of('bare Node proxy', 'cpuMicros'))
}

export async function alone(ways: Ways, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const figures = await inTurns(ways, ROUNDS, signal, async ({ port }) => {
    const took: number[] = []
    for (let at = 0; at < ALONE; at++) took.push(await one(port, agent, { signal }))
    return percentile(took, 50)
  })
  agent.destroy()
  const added = (name: string) => middle(figures[name]!) - middle(figures.direct!)
  printTable(
    'One connection, one request after another',
    ['', 'p50 ms', 'added ms'],
    Object.entries(figures).map(([name, p50]) => {
      return [name, middle(p50).toFixed(3), added(name).toFixed(3)]
    }),
  )
  judgeShare('added', added('Gantry'), added('bare Node proxy'))
}

export async function bulk(ways: Ways, signal: AbortSignal): Promise<void> {
  const [down, up] = await bothWays(ways, ROUNDS, signal)
  printTable(
    `100 MiB, the best of ${ROUNDS}; processor time of what is between`,
    ['', 'down MB/s', 'CPU s/GB', 'up MB/s', 'CPU s/GB'],
    Object.keys(ways).map((name) => [name, ...show(down[name]!), ...show(up[name]!)]),
  )
  judgeShare('down', best(down.Gantry!), best(down['bare Node proxy']!))
  judgeShare('up', best(up.Gantry!), best(up['bare Node proxy']!))
}

/** One stream over a way whose round trip takes 50 ms. */
export async function longWay(chain: Chain, signal: AbortSignal): Promise<void> {
  const ways: Ways = {
    'bare TLS pipe': await chain.barePipe(HALF_TRIP_MS),
    Gantry: await chain.tunnel(HALF_TRIP_MS),
  }
  const [down, up] = await bothWays(ways, 2, signal)
  printTable(
    `100 MiB over ${2 * HALF_TRIP_MS} ms round trip, the better of two`,
    ['', 'down MB/s', 'CPU s/GB', 'up MB/s', 'CPU s/GB'],
    Object.keys(ways).map((name) => [name, ...show(down[name]!), ...show(up[name]!)]),
  )
  judgeShare('longDown', best(down.Gantry!), best(down['bare TLS pipe']!))
  judgeShare('longUp', best(up.Gantry!), best(up['bare TLS pipe']!))
}

interface Moved {
  perSecond: number
  cpuPerGb: number
}

async function bothWays(ways: Ways, rounds: number, signal: AbortSignal) {
  const agent = new Agent({ keepAlive: true })
  const move = (work: Asked) => async (way: Way) => {
    const before = cpuOf(way)
    const tookMs = await one(way.port, agent, { ...work, signal })
    return {
      perSecond: (BIG_MB / tookMs) * 1000,
      cpuPerGb: ((cpuOf(way) - before) / BIG_MB) * 1000,
    }
  }
  const down = await inTurns(ways, rounds, signal, move({ path: '/big' }))
  const up = await inTurns(ways, rounds, signal, move({ body: BIG_BYTES }))
  agent.destroy()
  return [down, up] as const
}

const cpuOf = ({ pids }: Way) => pids().reduce((sum, pid) => sum + cpuSeconds(pid), 0)
const best = (moved: readonly Moved[]) =>
  moved.length === 0 ? Number.NaN : Math.max(...moved.map(({ perSecond }) => perSecond))
const show = (moved: readonly Moved[]) => [
  ...[best(moved).toFixed(0), middle(moved.map(({ cpuPerGb }) => cpuPerGb)).toFixed(2)],
]

/** Small requests while two others take all that the way gives. */
export async function mixed(ways: Ways, signal: AbortSignal): Promise<void> {
  const figures = await inTurns(ways, 2, signal, async ({ port }) => {
    const agent = new Agent()
    const enough = new AbortController()
    const ended = AbortSignal.any([enough.signal, signal])
    const downloads = Array.from({ length: 2 }, async () => {
      while (!ended.aborted) {
        await one(port, agent, { path: '/big', signal: ended }).catch(() => {})
      }
    })
    const { times } = await smallFor(port, SECONDS * 1000, signal)
    enough.abort()
    await Promise.all(downloads)
    if (times.length === 0) throw new Error('nobody was served')
    return { p99: percentile(times, 99), perSecond: times.length / SECONDS }
  })
  const p99 = (name: string) => middle(figures[name]!.map((one) => one.p99))
  printTable(
    'Small requests by 8 connections beside two downloads',
    ['', 'p99 ms', 'requests/s'],
    Object.entries(figures).map(([name, runs]) => {
      return [name, p99(name).toFixed(1), middle(runs.map((run) => run.perSecond)).toFixed(0)]
    }),
  )
  judgeShare('mixed', p99('Gantry'), p99('bare Node proxy'))
}

/** Visitors who ask for 100 MiB and do not read, and what others have of it. Each has a chain of its own. */
export async function stalled(chain: Chain, readers: 64 | 400, signal: AbortSignal): Promise<void> {
  const { port, relay, agent } = await chain.tunnel()
  const proxy = await chain.bareProxy()
  const bare = await beside(proxy.port, readers, [proxy.pid], signal)
  const ours = await beside(port, readers, [relay, agent], signal)
  printTable(
    `${readers} readers who do not read, and 8 connections that do`,
    ['', 'requests/s', 'p99 ms', 'not served', 'MiB more'],
    Object.entries({ 'bare Node proxy': bare, Gantry: ours }).map(([name, one]) => [
      ...[name, one.perSecond.toFixed(0), one.p99.toFixed(1), one.failed],
      one.grownMib.map((mib) => mib.toFixed(0)).join(' + '),
    ]),
  )
  judgeShare(readers === 64 ? 'stalled64' : 'stalled400', ours.p99, bare.p99)
  judge('of the others refused or failed', ours.failed, '<=', 0)
  if (readers === 64) judge('MiB more in the relay', ours.grownMib[0]!, '<=', 150)
}

async function beside(port: number, readers: number, pids: number[], signal: AbortSignal) {
  await smallFor(port, 1_000, signal)
  const before = pids.map(residentMib)
  const sockets = Array.from({ length: readers }, () => {
    const socket = connect(port, '127.0.0.1').pause()
    socket.on('error', () => {})
    socket.write(`GET /big HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`)
    return socket
  })
  let failed = 0
  const mib = () => pids.reduce((sum, pid) => sum + residentMib(pid), 0)
  // What goes to readers who do not read fills the buffers of the system first, some MiB for each.
  for (let before = -Infinity; mib() - before > FILLING_MIB && !signal.aborted;) {
    before = mib()
    failed += (await smallFor(port, FILLING_MS, signal)).failed
  }
  const after = await smallFor(port, SECONDS * 1000, signal)
  const grownMib = pids.map((pid, at) => residentMib(pid) - before[at]!)
  for (const socket of sockets) socket.destroy()
  const p99 = after.times.length === 0 ? Number.NaN : percentile(after.times, 99)
  const perSecond = after.times.length / SECONDS
  return { perSecond, p99, failed: failed + after.failed, grownMib }
}

/** Each way once in a round, in an order that turns by one; one that fails is left out, and all end with the signal. */
async function inTurns<Figure>(
  ways: Ways,
  rounds: number,
  signal: AbortSignal,
  measure: (way: Way) => Promise<Figure>,
): Promise<Record<string, Figure[]>> {
  const names = Object.keys(ways)
  const figures = Object.fromEntries(names.map((name) => [name, [] as Figure[]]))
  const left = new Set(names)
  for (let turn = 0; turn < rounds * names.length && !signal.aborted; turn++) {
    const name = names[(Math.floor(turn / names.length) + turn) % names.length]!
    if (!left.has(name)) continue
    try {
      figures[name]!.push(await measure(ways[name]!))
    } catch (error) {
      if (signal.aborted) break
      left.delete(name)
      console.log(`  FAILED  ${name}: ${(error as Error).message}`)
    }
  }
  return figures
}

function middle(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : median(values)
}
