// DevTools commands through the gateway, against a bare pipe of bytes in a process of its own and against the browser itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ServerHome } from '#test/process.ts'
import { DevTools } from './dev-tools.ts'
import { interleave, median } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const WARM_UP_ROUNDS = 40
const DOWN_CHARACTERS = 1024 * 1024

const ways = ['direct', 'pipe', 'gateway'] as const
type Way = (typeof ways)[number]
/** Has an expression evaluated in the page that all share. */
type Run = (expression: string) => Promise<unknown>

/** Rounds are short and many, so that whatever else the machine does falls on all ways alike. */
const LOADS = {
  'evaluate ×1': { rounds: 300, answers: 50, run: oneByOne },
  'evaluate ×16': { rounds: 200, answers: 480, run: sixteenAtOnce },
  '1 MiB down': { rounds: 100, answers: 2, run: large },
}
type Load = (typeof LOADS)[keyof typeof LOADS]

await using home = await ServerHome.make()
await using product = await Product.start(home)
const person = await product.signUp()
const { id } = await person.createSession()
const { endpoint } = await browserOf(home, id)
const processes: ChildProcess[] = []
try {
  const tools = await DevTools.open(endpoint)
  const { targetId } = await tools.send<{ targetId: string }>('Target.createTarget', {
    url: 'about:blank',
  })
  const runs: Record<Way, Run> = {
    direct: await attach(endpoint, targetId),
    pipe: await attach(await startPeer('pipe'), targetId),
    gateway: await attach(await startPeer('gateway'), targetId),
  }
  await runs.direct(`globalThis.large = 'x'.repeat(${DOWN_CHARACTERS}), 1`)
  for (const [name, load] of Object.entries(LOADS)) await measure(name, load, runs)
  printMachine()
} finally {
  for (const child of processes) child.kill()
  await person.endSession(id)
}

async function measure(name: string, load: Load, runs: Record<Way, Run>): Promise<void> {
  const { rounds, answers } = load
  const timed = (way: Way) => async () => {
    const begunMs = performance.now()
    await load.run(runs[way], answers)
    return performance.now() - begunMs
  }
  const tasks = { direct: timed('direct'), pipe: timed('pipe'), gateway: timed('gateway') }
  await interleave(tasks, WARM_UP_ROUNDS)
  const figures = await interleave(tasks, rounds)
  const rows = ways.map((way) => {
    const perSecond = (answers / median(figures[way])) * 1_000
    return [way, perSecond.toFixed(0), ratio(figures.direct, figures[way]).toFixed(3)]
  })
  printTable(`${name}, ${rounds} rounds`, ['', 'answers/s', 'of direct'], rows)
  const floor = load.run === large ? 'direct' : 'pipe'
  judge(`${name}, of ${floor}`, ratio(figures[floor], figures.gateway), '>=', 0.95)
}

/** The middle of what each round gives, so that both figures of a ratio are of the same moment. */
function ratio(base: readonly number[], of: readonly number[]): number {
  return median(base.map((ms, round) => ms / of[round]!))
}

async function oneByOne(run: Run, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await run('1+1')
}

async function sixteenAtOnce(run: Run, count: number): Promise<void> {
  await Promise.all(Array.from({ length: 16 }, () => oneByOne(run, count / 16)))
}

async function large(run: Run, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await run('large')
}

async function attach(url: string, targetId: string): Promise<Run> {
  const tools = await DevTools.open(url)
  const attached = { targetId, flatten: true }
  const { sessionId } = await tools.send<{ sessionId: string }>('Target.attachToTarget', attached)
  return (expression) =>
    tools.send('Runtime.evaluate', { expression, returnByValue: true }, sessionId)
}

async function startPeer(way: 'pipe' | 'gateway'): Promise<string> {
  const script = join(import.meta.dirname, 'peer-cdp.ts')
  const child = spawn(process.execPath, [script, way, endpoint], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  processes.push(child)
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  return url
}
