// From the order of a session to the first DevTools answer to the client, when browsers are kept ready; one by one, and in a burst. Beside
// it what any client pays for a connection and an answer of that very browser, and a launch of one, so that other machines compare.
import { ServerHome } from '#test/process.ts'
import { BareLauncher } from './bare-launch.ts'
import { DevTools } from './dev-tools.ts'
import { median, percentile } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 40
const WARM = 4
/** Creates that are made at once; as many as are ready. */
const BURSTS = 5
const LAUNCHES = 10
/** 15 ms, of the 205 to 220 that a launch takes where that bar was set. */
const OF_A_LAUNCH = 0.07

await using home = await ServerHome.make()
await using product = await Product.start(home, { WARM_BROWSERS: String(WARM) })
const person = await product.signUp()
const [replies, answers, directs, flows]: number[][] = [[], [], [], []]
const ending: Promise<void>[] = []

await product.untilReady(WARM)
ending.push(person.endSession((await createOnce()).id))
for (let round = 0; round < ROUNDS; round++) {
  await product.untilReady(WARM)
  const { id, replyMs, answerMs } = await createOnce()
  replies!.push(replyMs)
  answers!.push(answerMs)
  const { endpoint } = await browserOf(home, id)
  directs!.push(await answerMsOf(endpoint))
  ending.push(person.endSession(id))
}
for (let burst = 0; burst < BURSTS; burst++) {
  await product.untilReady(WARM)
  const begunMs = performance.now()
  const made = await Promise.all(Array.from({ length: WARM }, createOnce))
  flows!.push((WARM * 1000) / (performance.now() - begunMs))
  ending.push(...made.map(({ id }) => person.endSession(id)))
}
await Promise.all(ending)
await product.untilReady(WARM)
const launches = await launchBare()
report()

async function createOnce(): Promise<{ id: string; replyMs: number; answerMs: number }> {
  const begunMs = performance.now()
  const { id, cdpUrl } = await person.createSession()
  const replyMs = performance.now() - begunMs
  const answerMs = replyMs + (await answerMsOf(cdpUrl))
  return { id, replyMs, answerMs }
}

async function answerMsOf(endpoint: string): Promise<number> {
  const begunMs = performance.now()
  const tools = await DevTools.open(endpoint)
  await tools.send('Browser.getVersion')
  const answerMs = performance.now() - begunMs
  tools.close()
  return answerMs
}

/** As the product launches its browsers, to the first answer. */
async function launchBare(): Promise<number[]> {
  const { id } = await person.createSession()
  const { pid } = await browserOf(home, id)
  await using launcher = await BareLauncher.like(pid)
  await person.endSession(id)
  const launches: number[] = []
  for (let count = 0; count < LAUNCHES; count++) {
    await product.untilReady(WARM)
    const launch = await launcher.prepare()
    const begunMs = performance.now()
    await using browser = await launch()
    const launchedMs = performance.now() - begunMs
    launches.push(launchedMs + (await answerMsOf(browser.endpoint)))
  }
  return launches
}

function report(): void {
  const row = (name: string, ms: number[]) => [
    name,
    ...[median(ms).toFixed(1), percentile(ms, 95).toFixed(1)],
    (median(ms) / median(launches)).toFixed(3),
  ]
  printTable(
    `Warm session, ${ROUNDS} orders one by one`,
    ['', 'p50 ms', 'p95 ms', 'of a launch'],
    [
      row('to the reply', replies!),
      row('to an answer to the client', answers!),
      row('a connection and an answer, directly', directs!),
      row('bare launch, to its first answer', launches),
    ],
  )
  printTable(
    `Bursts of ${WARM} orders, each to its answer`,
    ['', 'per second'],
    [['orders answered, median of the bursts', median(flows!).toFixed(1)]],
  )
  judge('ms to an answer to the client, p50', median(answers!), '<=', 15)
  judge('ms to an answer to the client, p95', percentile(answers!, 95), '<=', 40)
  judge('of a bare launch, p50', median(answers!) / median(launches), '<=', OF_A_LAUNCH)
  judge('orders answered per second in a burst of the pool’s size', median(flows!), '>=', 4)
  printMachine()
}
