// A ready browser from the order to its first DevTools answer, and eight orders at once, on the host itself: no HTTP, no database.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { IDENTITY, openTestHost } from '../src/browsers/host/fixture.ts'
import { eventually } from '../src/kernel/test-support.ts'
import { DevTools } from './dev-tools.ts'
import { median, percentile } from './figures.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 30
const BURST = 8
const PATIENT_MS = 60_000
const SETTLE_MS = 500
/** Warm identities fit the pool; this one is launched when it is asked for. */
const OTHER = { viewport: { width: 1279, height: 720 } }

await using place = await openTestHost({ maxBrowsers: 2 * BURST })
const { host } = place
const claims: Order[] = []
await fill(1)
for (let round = 0; round < ROUNDS; round++) {
  claims.push(await order(`ses_${round}`))
  await host.end(`ses_${round}`)
  await eventually('the next is ready', () => host.facts().ready === 1, PATIENT_MS)
  // A browser goes on with its own affairs for a moment after it has first answered.
  await sleep(SETTLE_MS)
}
await fill(BURST)
const warmBurst = await burst('warm', IDENTITY)
await fill(0)
const coldBurst = await burst('cold', OTHER)

printTable(
  `Warm browser, ${ROUNDS} orders one by one`,
  ['', 'p50 ms', 'p95 ms'],
  [
    row(
      'until it is handed out',
      claims.map(({ handedOutMs }) => handedOutMs),
    ),
    row(
      'of that on the event loop',
      claims.map(({ busyMs }) => busyMs),
    ),
    row(
      'until it has answered',
      claims.map(({ answeredMs }) => answeredMs),
    ),
  ],
)
printTable(
  `${BURST} orders at once, until the last has answered`,
  ['', 'ms'],
  [
    ['ready browsers', Math.max(...warmBurst).toFixed(0)],
    ['cold launches', Math.max(...coldBurst).toFixed(0)],
  ],
)
judge('ms on the event loop, p50', median(claims.map(({ busyMs }) => busyMs)), '<=', 2)
const answered = claims.map(({ answeredMs }) => answeredMs)
judge('ms until the answer, p50', median(answered), '<=', 15)
judge('ms until the answer, p95', percentile(answered, 95), '<=', 40)
printMachine()

interface Order {
  handedOutMs: number
  busyMs: number
  answeredMs: number
}

async function order(sessionId: string, identity = IDENTITY): Promise<Order> {
  const begunMs = performance.now()
  const begun = performance.eventLoopUtilization()
  const { endpoint } = await host.launch(sessionId, identity)
  const busyMs = performance.eventLoopUtilization(begun).active
  const handedOutMs = performance.now() - begunMs
  const tools = await DevTools.open(endpoint)
  await tools.send('Browser.getVersion')
  const answeredMs = performance.now() - begunMs
  tools.close()
  return { handedOutMs, busyMs, answeredMs }
}

async function burst(name: string, identity: typeof IDENTITY): Promise<number[]> {
  const ids = Array.from({ length: BURST }, (_, index) => `ses_${name}_${index}`)
  const orders = await Promise.all(ids.map((id) => order(id, identity)))
  await Promise.all(ids.map((id) => host.end(id)))
  return orders.map(({ answeredMs }) => answeredMs)
}

async function fill(spare: number): Promise<void> {
  host.setPool({ min: 0, max: 2 * BURST, spare })
  const isFull = () => host.facts().ready === spare && host.facts().ending === 0
  await eventually('the pool is full', isFull, PATIENT_MS)
}

function row(name: string, ms: number[]) {
  return [name, median(ms).toFixed(2), percentile(ms, 95).toFixed(2)]
}
