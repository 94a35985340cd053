// A tunnel over a TLS link with all limits on, beside the least that a reverse proxy of Node can be: the same service, turn by turn.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '#kernel/test-support.ts'
import { makeCertificate } from '#test/certificate.ts'
import autocannon from 'autocannon'
import { interleave, median, percentile } from './figures.ts'
import { cpuSeconds, residentMib } from './processes.ts'
import { judge, printMachine, printTable } from './table.ts'
import { LeftOut } from './peers/contender.ts'
import { type Opener, openLocaltunnel, openSsh } from './tunnel-peers.ts'
import type { Part } from './tunnel-process.ts'

const HOST = 'shop.localhost'
const ROUNDS = 3
const SECONDS = 4
const BIG_MB = 104.8576
const HALF_TRIP_MS = 25
const OPENINGS = 5
/** Who has no answer by then was refused. */
const OPEN_MS = 3_000
/** On a machine that is too busy, the rest is left out. */
const DEADLINE_MS = 230_000

interface Target {
  port: number
  pids: number[]
}

interface Relay extends Record<string, unknown> {
  port: number
  linkPort: number
  ticket: string
}

await using stack = new AsyncDisposableStack()
const { cert, key } = await makeCertificate(['localhost', '127.0.0.1'])
const service = await start({ role: 'service' })
const servicePort = Number(service.told.port)
const proxy = await start({ role: 'proxy', to: servicePort })
const near = await openTunnel()
const far = await openTunnel(HALF_TRIP_MS)
const bare = { port: Number(proxy.told.port), pids: [proxy.pid] }
const direct = { port: servicePort, pids: [service.pid] }
const targets: Record<string, Target> = { direct, 'bare Node proxy': bare, Gantry: near.target }

const openers: Record<string, Opener> = { Gantry: await openGantry() }
for (const [name, open] of [
  ['localtunnel', openLocaltunnel],
  ['ssh -R', openSsh],
] as const) {
  try {
    openers[name] = await open(servicePort, stack)
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error
    console.log(`  SKIPPED: ${name}, since ${error.message}`)
  }
}
const late = setTimeout(() => {
  console.log(`\n  STOPPED after ${DEADLINE_MS / 1000} s: the machine is too busy for the rest`)
  printMachine()
  void stack.disposeAsync().finally(() => process.exit(1))
}, DEADLINE_MS)
await smallRequests()
await opened()
await alone()
await bulk()
await mixed()
for (const readers of [64, 400]) await stalled(readers)
await longWay()
clearTimeout(late)
printMachine()

async function openTunnel(delayMs = 0) {
  const relay = await start({ role: 'relay', cert, key, servicePort })
  const { port, linkPort, ticket } = relay.told as Relay
  const slow = delayMs > 0 ? await start({ role: 'delay', to: linkPort, ms: delayMs }) : undefined
  const url = `https://127.0.0.1:${Number(slow?.told.port ?? linkPort)}`
  const agent = await start({ role: 'agent', url, ticket, ca: cert, servicePort })
  return { target: { port, pids: [relay.pid, agent.pid] }, relay, agent }
}

async function start(part: Part): Promise<{ pid: number; told: Record<string, unknown> }> {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, 'tunnel-process.ts')],
    {
      env: { PATH: process.env.PATH, PART: JSON.stringify(part) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  stack.defer(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return { pid: child.pid!, told: JSON.parse(String(line)) as Record<string, unknown> }
}

/** The command as it is used, beside an API that answers at once. */
async function openGantry(): Promise<Opener> {
  const relay = await start({ role: 'relay', cert, key, servicePort })
  const { port, linkPort, ticket } = relay.told as Relay
  const relayUrl = `https://127.0.0.1:${linkPort}`
  const plane = await start({ role: 'plane', relayUrl, ticket, servicePort })
  const folder = await mkdtemp(join(tmpdir(), 'gantry-bench-tunnel-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'ca.pem'), cert)
  const gantry = join(import.meta.dirname, '../../cli/bin/gantry.mjs')
  const args = [gantry, 'tunnel', 'http', `127.0.0.1:${servicePort}`, '--name', 'shop']
  const env = {
    ...{ PATH: process.env.PATH, XDG_CONFIG_HOME: folder, GANTRY_API_KEY: 'key' },
    ...{ GANTRY_URL: `http://127.0.0.1:${Number(plane.told.port)}` },
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
  }
  const begin = () => {
    const agent = spawn(process.execPath, args, { env, stdio: 'ignore' })
    stack.defer(() => void agent.kill('SIGKILL'))
    return agent
  }
  return { port, begin }
}

async function load({ port, pids }: Target, connections: number, duration: number) {
  const before = pids.map(cpuSeconds)
  const url = `http://127.0.0.1:${port}/small`
  const result = await autocannon({ url, headers: { host: HOST }, connections, duration })
  const cpu = pids.map((pid, at) => cpuSeconds(pid) - before[at]!)
  const perRequest = cpu.map((one) => (one / result.requests.total) * 1e6)
  const wrong = result.errors + result.timeouts + result.non2xx
  return {
    perSecond: result.requests.total / result.duration,
    p99: result.latency.p99,
    wrong,
    perRequest,
  }
}

async function smallRequests(): Promise<void> {
  for (const target of Object.values(targets)) await load(target, 64, 1)
  const runs = Object.entries(targets).map(([name, target]) => [
    name,
    () => load(target, 64, SECONDS),
  ])
  const figures: Record<string, Awaited<ReturnType<typeof load>>[]> = await interleave(
    Object.fromEntries(runs),
    ROUNDS,
  )
  const cpu = (one: { perRequest: number[] }) => one.perRequest.reduce((sum, each) => sum + each, 0)
  printTable(
    `Small requests, 64 connections, ${ROUNDS} rounds of ${SECONDS} s`,
    ['', 'requests/s', 'p99 ms', 'CPU µs each', 'of them relay + agent', 'wrong'],
    Object.entries(figures).map(([name, runs]) => [
      ...[name, median(runs.map((run) => run.perSecond)).toFixed(0)],
      ...[median(runs.map((run) => run.p99)).toFixed(1), median(runs.map(cpu)).toFixed(1)],
      runs[0]!.perRequest
        .map((_, at) => median(runs.map((run) => run.perRequest[at]!)).toFixed(1))
        .join(' + '),
      runs.reduce((sum, run) => sum + run.wrong, 0),
    ]),
  )
  judge('requests/s', median(figures.Gantry!.map((run) => run.perSecond)), '>=', 20_000)
  judge('CPU µs of relay and agent for each', median(figures.Gantry!.map(cpu)), '<=', 60)
}

async function one(
  port: number,
  agent: Agent,
  { path = '/small', body }: { path?: string; body?: number } = {},
): Promise<number> {
  const begunMs = performance.now()
  const asked = request({
    ...{ port, host: '127.0.0.1', agent, path, method: body === undefined ? 'GET' : 'PUT' },
    headers: { host: HOST, ...(body !== undefined && { 'content-length': body }) },
  })
  const answered = once(asked, 'response')
  const chunk = Buffer.alloc(64 * 1024)
  for (let left = body ?? 0; left > 0; left -= chunk.length) {
    if (!asked.write(chunk)) await once(asked, 'drain')
  }
  asked.end()
  const [answer] = (await answered) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  if (answer.statusCode !== 200) throw new Error(`${path} was answered with ${answer.statusCode}`)
  return performance.now() - begunMs
}

/** From the start of an agent to the first answer of the service. Each begins as soon as the one before was killed. */
async function opened(): Promise<void> {
  const rows: (string | number)[][] = []
  for (const [name, { port, begin }] of Object.entries(openers)) {
    const took: number[] = []
    let agent: ChildProcess | undefined
    for (let at = 0; at < OPENINGS; at++) {
      agent?.kill('SIGKILL')
      const begunMs = performance.now()
      agent = begin()
      if (await answers(port, begunMs + OPEN_MS)) took.push(performance.now() - begunMs)
    }
    const refused = OPENINGS - took.length
    rows.push([name, took.length > 0 ? median(took).toFixed(0) : '-', `${refused} of ${OPENINGS}`])
    if (name === 'Gantry') {
      judge('ms from the start of the command to the first 200', median(took), '<=', 100)
      judge('openings refused', refused, '<=', 0)
    }
    if (took.length === 0 || refused > 0) {
      // For what comes next, an agent whose name is free again.
      agent?.kill('SIGKILL')
      await eventually(`${name} is gone`, async () => !(await answers(port, 0)))
      await again(name, port, begin)
    }
  }
  printTable(`Opened, the median of ${OPENINGS}`, ['', 'ms', 'refused'], rows)
}

async function again(name: string, port: number, begin: () => ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const agent = begin()
    if (await answers(port, performance.now() + OPEN_MS)) return
    agent.kill('SIGKILL')
  }
  console.log(`  SKIPPED: requests by ${name}, which did not open again`)
  delete openers[name]
}

/** Whether a request is answered by the service before then. */
async function answers(port: number, beforeMs: number): Promise<boolean> {
  const agent = new Agent({ timeout: 1_000 })
  do {
    const isServed = await one(port, agent).then(
      () => true,
      () => false,
    )
    if (isServed) return true
    await sleep(2)
  } while (performance.now() < beforeMs)
  return false
}

async function alone(): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const { Gantry: _command, ...peers } = openers
  const ways: Record<string, { port: number }> = { ...targets, ...peers }
  const runs = Object.entries(ways).map(([name, { port }]) => [
    name,
    async () => {
      const took: number[] = []
      for (let at = 0; at < 1_500; at++) took.push(await one(port, agent))
      return percentile(took, 50)
    },
  ])
  const figures: Record<string, number[]> = await interleave(Object.fromEntries(runs), ROUNDS)
  agent.destroy()
  const direct = median(figures.direct!)
  const rows = Object.entries(figures).map(([name, p50]) => [
    ...[name, median(p50).toFixed(3), (median(p50) - direct).toFixed(3)],
  ])
  printTable('One connection, one request after another', ['', 'p50 ms', 'added ms'], rows)
  judge('ms added at p50', median(figures.Gantry!) - direct, '<=', 0.2)
}

async function bulk(): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const runs = (work: { path?: string; body?: number }) =>
    Object.fromEntries(
      Object.entries(targets).map(([name, { port }]) => [
        name,
        async () => (BIG_MB / (await one(port, agent, work))) * 1000,
      ]),
    )
  const down: Record<string, number[]> = await interleave(runs({ path: '/big' }), ROUNDS)
  const up: Record<string, number[]> = await interleave(runs({ body: BIG_MB * 1e6 }), ROUNDS)
  agent.destroy()
  const rows = Object.keys(targets).map((name) => [
    ...[name, Math.max(...down[name]!).toFixed(0), Math.max(...up[name]!).toFixed(0)],
  ])
  printTable('100 MiB, the best of three', ['', 'down MB/s', 'up MB/s'], rows)
  judge('MB/s down', Math.max(...down.Gantry!), '>=', 450)
  judge('MB/s up', Math.max(...up.Gantry!), '>=', 350)
}

/** Times of small requests by eight connections, for so long. */
async function smallFor(port: number, ms: number): Promise<{ times: number[]; failed: number }> {
  const agent = new Agent({ keepAlive: true })
  const times: number[] = []
  let failed = 0
  const until = performance.now() + ms
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (performance.now() < until) {
        await one(port, agent).then(
          (took) => times.push(took),
          () => failed++,
        )
      }
    }),
  )
  agent.destroy()
  return { times, failed }
}

async function mixed(): Promise<void> {
  const { port } = near.target
  const agent = new Agent()
  const enough = new AbortController()
  const downloads = Array.from({ length: 2 }, async () => {
    while (!enough.signal.aborted) await one(port, agent, { path: '/big' })
  })
  const { times } = await smallFor(port, SECONDS * 1000)
  enough.abort()
  await Promise.all(downloads)
  judge('ms, p99 of small requests beside two downloads', percentile(times, 99), '<=', 25)
}

async function stalled(readers: number): Promise<void> {
  const { target, relay, agent } = await openTunnel()
  await smallFor(target.port, 1_000)
  const before = [relay.pid, agent.pid].map(residentMib)
  const sockets: Socket[] = Array.from({ length: readers }, () => {
    const socket = connect(target.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET /big HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`)
    return socket
  })
  const filling = await smallFor(target.port, 5_000)
  const { times, failed } = await smallFor(target.port, SECONDS * 1000)
  const grown = [relay.pid, agent.pid].map((pid, at) => residentMib(pid) - before[at]!)
  for (const socket of sockets) socket.destroy()
  const memory = `relay +${grown[0]!.toFixed(0)}, agent +${grown[1]!.toFixed(0)} MiB`
  console.log(
    `\n  ${readers} readers who do not read: ${(times.length / SECONDS).toFixed(0)} small requests/s, ${memory}`,
  )
  judge('ms, p99 of the others', percentile(times, 99), '<=', readers < 100 ? 10 : 50)
  judge('of the others refused or failed', failed + filling.failed, '<=', 0)
  if (readers < 100) judge('MiB more in the relay', grown[0]!, '<=', 150)
}

async function longWay(): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const { port } = far.target
  await one(port, agent)
  const down: number[] = []
  const up: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    down.push((BIG_MB / (await one(port, agent, { path: '/big' }))) * 1000)
    up.push((BIG_MB / (await one(port, agent, { body: BIG_MB * 1e6 }))) * 1000)
  }
  agent.destroy()
  console.log(`\n  ${2 * HALF_TRIP_MS} ms round trip, one stream`)
  judge('MB/s down', Math.max(...down), '>=', 60)
  judge('MB/s up', Math.max(...up), '>=', 60)
}
