// From the order of a session to the first DevTools answer to the client, when browsers are kept ready; one by one, and in a burst.
import { ServerHome } from '#test/process.ts'
import { DevTools } from './dev-tools.ts'
import { median, percentile } from './figures.ts'
import { Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 40
const WARM = 4
/** Creates that are made at once; as many as are ready. */
const BURSTS = 5

await using home = await ServerHome.make()
await using product = await Product.start(home, { WARM_BROWSERS: String(WARM) })
const person = await product.signUp()
const [replies, answers, flows]: number[][] = [[], [], []]
const ending: Promise<void>[] = []

await product.untilReady(WARM)
await createOnce()
for (let round = 0; round < ROUNDS; round++) {
  await product.untilReady(WARM)
  const { replyMs, answerMs } = await createOnce()
  replies!.push(replyMs)
  answers!.push(answerMs)
}
for (let burst = 0; burst < BURSTS; burst++) {
  await product.untilReady(WARM)
  const begunMs = performance.now()
  await Promise.all(Array.from({ length: WARM }, createOnce))
  flows!.push((WARM * 1000) / (performance.now() - begunMs))
}
await Promise.all(ending)
report()

async function createOnce(): Promise<{ replyMs: number; answerMs: number }> {
  const begunMs = performance.now()
  const { id, cdpUrl } = await person.createSession()
  const replyMs = performance.now() - begunMs
  const tools = await DevTools.open(cdpUrl)
  await tools.send('Browser.getVersion')
  const answerMs = performance.now() - begunMs
  tools.close()
  ending.push(person.endSession(id))
  return { replyMs, answerMs }
}

function report(): void {
  const row = (name: string, ms: number[]) => [
    name,
    ...[median(ms).toFixed(1), percentile(ms, 95).toFixed(1)],
  ]
  printTable(
    `Warm session, ${ROUNDS} orders one by one`,
    ['', 'p50 ms', 'p95 ms'],
    [row('to the reply', replies!), row('to an answer to the client', answers!)],
  )
  printTable(
    `Bursts of ${WARM} orders, each to its answer`,
    ['', 'per second'],
    [['orders answered, median of the bursts', median(flows!).toFixed(1)]],
  )
  judge('ms to an answer to the client, p50', median(answers!), '<=', 15)
  judge('ms to an answer to the client, p95', percentile(answers!, 95), '<=', 40)
  judge('orders answered per second in a burst of the pool’s size', median(flows!), '>=', 4)
  printMachine()
}
