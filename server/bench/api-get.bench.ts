// One row by its key: the whole product against bare servers that do the same query.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ServerHome } from '#test/process.ts'
import autocannon from 'autocannon'
import { interleave, median } from './figures.ts'
import type { PeerTask } from './peer.ts'
import { cpuSeconds, pin } from './processes.ts'
import { Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const CONNECTIONS = 32
const ROUNDS = 7
const ROUND_SECONDS = 3
/** As the product has by default. */
const POOL_SIZE = 10

interface Target {
  pid: number
  url: string
  headers?: Record<string, string>
}

interface Figure {
  perSecond: number
  cpuMicros: number
  /** Share of its core that the server used. */
  busy: number
}

await using home = await ServerHome.make()
await using product = await Product.start(home)
const person = await product.signUp()
const { id: sessionId } = await person.createSession()
await person.endSession(sessionId)

const task: PeerTask = {
  ...{ database: await product.database(), accountId: person.accountId, poolSize: POOL_SIZE },
}
const fastify = await startPeer('peer-fastify.ts', task)
const nodeHttp = await startPeer('peer-node-http.ts', task)
try {
  const path = `/v1/sessions/${sessionId}`
  const { authorization } = person
  const targets: Record<string, Target> = {
    'bare node:http': { ...nodeHttp, url: nodeHttp.url + path },
    'bare Fastify': { ...fastify, url: fastify.url + path },
    Gantry: { pid: product.pid, url: `${product.url}/api${path}`, headers: { authorization } },
  }
  const pinned = Object.values(targets).map(({ pid }) => pin(pid, 'first core'))
  pin(process.pid, 'other cores')
  for (const target of Object.values(targets)) await measure(target)
  const runs = Object.entries(targets).map(([name, target]) => [name, () => measure(target)])
  const figures: Record<string, Figure[]> = await interleave(Object.fromEntries(runs), ROUNDS)
  report(figures, pinned.every(Boolean))
} finally {
  fastify.child.kill()
  nodeHttp.child.kill()
}

async function startPeer(file: string, task: PeerTask) {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, file)], {
    env: { PATH: process.env.PATH, PEER: JSON.stringify(task) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [port] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, pid: child.pid!, url: `http://127.0.0.1:${String(port).trim()}` }
}

async function measure({ pid, url, headers = {} }: Target): Promise<Figure> {
  const before = cpuSeconds(pid)
  const load = { url, headers, connections: CONNECTIONS, duration: ROUND_SECONDS }
  const { requests, duration, errors, timeouts, non2xx } = await autocannon(load)
  if (errors + timeouts + non2xx > 0) {
    throw new Error(`${url}: ${errors} errors, ${timeouts} timeouts, ${non2xx} wrong answers`)
  }
  const cpu = cpuSeconds(pid) - before
  return {
    perSecond: requests.total / duration,
    cpuMicros: (cpu / requests.total) * 1e6,
    busy: cpu / duration,
  }
}

function report(figures: Record<string, Figure[]>, pinned: boolean): void {
  const of = (name: string, key: keyof Figure) => median(figures[name]!.map((one) => one[key]))
  /** Round by round, so that what else the machine did falls out. */
  const ratio = (name: string, key: keyof Figure) =>
    median(figures[name]!.map((one, at) => one[key] / figures['bare Fastify']![at]![key]))
  const rows = Object.keys(figures).map((name) => [
    ...[name, of(name, 'perSecond').toFixed(0), ratio(name, 'perSecond').toFixed(2)],
    ...[of(name, 'cpuMicros').toFixed(1), ratio(name, 'cpuMicros').toFixed(2)],
    `${(of(name, 'busy') * 100).toFixed(0)} %`,
  ])
  const where = pinned ? 'server on one core, load on the other' : 'not pinned to cores'
  printTable(
    `GET of one row, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${ROUND_SECONDS} s, ${where}`,
    ['', 'requests/s', 'of Fastify', 'CPU µs each', 'of Fastify', 'core in use'],
    rows,
  )
  judge('requests/s of bare Fastify', ratio('Gantry', 'perSecond'), '>=', 0.6)
  printMachine()
}
