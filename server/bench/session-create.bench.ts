// From the order of a session to the first DevTools answer, against a bare launch of the same Chromium with the same switches.
import { ServerHome } from '#test/process.ts'
import { BareLauncher } from './bare-launch.ts'
import { DevTools } from './dev-tools.ts'
import { interleave, median, percentile } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 25

type Ways = Record<'created' | 'launched', () => Promise<{ replyMs?: number; answerMs: number }>>

await using home = await ServerHome.make()
await using product = await Product.start(home, { WARM_BROWSERS: '0' })
const person = await product.signUp()
await using launcher = await likeTheProduct()
await createOnce()
await launchOnce()
const ways: Ways = { created: createOnce, launched: launchOnce }
const { created, launched } = await interleave(ways, ROUNDS)
report({
  'bare launch, to its first answer': launched.map(({ answerMs }) => answerMs),
  'Gantry, to the reply': created.map(({ replyMs }) => replyMs!),
  'Gantry, to an answer to the client': created.map(({ answerMs }) => answerMs),
})

/** The product has had one answer itself when it replies; the client's comes by a connection of its own. */
async function createOnce(): Promise<{ replyMs: number; answerMs: number }> {
  const begunMs = performance.now()
  const { id, cdpUrl } = await person.createSession()
  const replyMs = performance.now() - begunMs
  const answerMs = replyMs + (await firstAnswerMs(cdpUrl))
  await person.endSession(id)
  return { replyMs, answerMs }
}

async function launchOnce(): Promise<{ answerMs: number }> {
  const launch = await launcher.prepare()
  const begunMs = performance.now()
  await using browser = await launch()
  const launchedMs = performance.now() - begunMs
  return { answerMs: launchedMs + (await firstAnswerMs(browser.endpoint)) }
}

async function firstAnswerMs(endpoint: string): Promise<number> {
  const begunMs = performance.now()
  const tools = await DevTools.open(endpoint)
  await tools.send('Browser.getVersion')
  const answerMs = performance.now() - begunMs
  tools.close()
  return answerMs
}

async function likeTheProduct(): Promise<BareLauncher> {
  const { id } = await person.createSession()
  const { pid } = await browserOf(home, id)
  const launcher = await BareLauncher.like(pid)
  await person.endSession(id)
  return launcher
}

function report(figures: Record<string, number[]>): void {
  const bare = median(Object.values(figures)[0]!)
  const rows = Object.entries(figures).map(([name, ms]) => [
    ...[name, median(ms).toFixed(0), percentile(ms, 95).toFixed(0)],
    (median(ms) / bare).toFixed(2),
  ])
  printTable(`Cold session, ${ROUNDS} pairs`, ['', 'p50 ms', 'p95 ms', 'of bare'], rows)
  for (const [name, ms] of Object.entries(figures).slice(1)) {
    judge(`${name}, of a bare launch`, median(ms) / bare, '<=', 1.1)
  }
  printMachine()
}
