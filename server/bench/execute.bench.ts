// One script in a page: over REST, against `Runtime.evaluate` on a DevTools socket of the same browser.
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { ServerHome } from '#test/process.ts'
import { DevTools } from './dev-tools.ts'
import { interleave, median, percentile } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 1_000
const WARM_UP = 200
const SCRIPT = '1+1'

await using home = await ServerHome.make()
await using product = await Product.start(home)
const person = await product.signUp()
const { id } = await person.createSession()
const tools = await DevTools.open((await browserOf(home, id)).endpoint)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
try {
  const page = await attachPage()
  const ways = {
    'direct DevTools': () => timed(evaluate(page)),
    'Gantry REST': () => timed(post()),
  }
  await interleave(ways, WARM_UP)
  report(await interleave(ways, ROUNDS))
} finally {
  agent.destroy()
  tools.close()
  await person.endSession(id)
}

async function attachPage(): Promise<string> {
  const { targetInfos } = await tools.send<{ targetInfos: { type: string; targetId: string }[] }>(
    'Target.getTargets',
  )
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!
  const attached = await tools.send<{ sessionId: string }>('Target.attachToTarget', {
    targetId,
    flatten: true,
  })
  return attached.sessionId
}

function evaluate(page: string): () => Promise<unknown> {
  return async () => {
    const script = { expression: SCRIPT, returnByValue: true, awaitPromise: true }
    const { result } = await tools.send<{ result: { value: unknown } }>(
      'Runtime.evaluate',
      script,
      page,
    )
    return result.value
  }
}

function post(): () => Promise<unknown> {
  const body = JSON.stringify({ script: SCRIPT })
  const options = {
    ...{ agent, method: 'POST' },
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      authorization: person.authorization,
    },
  }
  const url = `${product.url}/api/v1/sessions/${id}/execute`
  return async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const sent = request(url, options, (response) => void text(response).then(resolve, reject))
    sent.on('error', reject).end(body)
    return (JSON.parse(await promise) as { result: unknown }).result
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begunMs = performance.now()
  const value = await run()
  const tookMs = performance.now() - begunMs
  if (value !== 2) throw new Error(`${SCRIPT} gave ${JSON.stringify(value)}`)
  return tookMs
}

function report(figures: Record<'direct DevTools' | 'Gantry REST', number[]>): void {
  const rows = Object.entries(figures).map(([name, ms]) => [
    ...[name, ...[50, 95, 99].map((percent) => percentile(ms, percent).toFixed(2))],
  ])
  printTable(`execute ${SCRIPT}, ${ROUNDS} pairs`, ['', 'p50 ms', 'p95 ms', 'p99 ms'], rows)
  const added = median(figures['Gantry REST']) - median(figures['direct DevTools'])
  judge('ms that REST adds at p50', added, '<=', 1.5)
  printMachine()
}
