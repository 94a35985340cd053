// Memory of a session that nobody uses, against a bare Chromium with the same switches.
import { setTimeout as sleep } from 'node:timers/promises'
import { readFile } from 'node:fs/promises'
import { processTable } from '#kernel/processes.ts'
import { ServerHome } from '#test/process.ts'
import { BareLauncher } from './bare-launch.ts'
import { DevTools } from './dev-tools.ts'
import { interleave, median } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 5
/** Until a new browser has come to rest. */
const REST_MS = 4_000

await using home = await ServerHome.make()
await using product = await Product.start(home, { WARM_BROWSERS: '0' })
const person = await product.signUp()
const first = await person.createSession()
await using launcher = await BareLauncher.like((await browserOf(home, first.id)).pid)
await person.endSession(first.id)

const { session, bare } = await interleave({ session: ofSession, bare: ofBare }, ROUNDS)
const rows = Object.entries({ 'bare Chromium': bare, 'session of Gantry': session })
printTable(
  `Memory of a browser at rest, ${ROUNDS} pairs`,
  ['', 'MiB (PSS)'],
  rows.map(([name, mib]) => [name, median(mib).toFixed(0)]),
)
judge('an idle session, of a bare Chromium', median(session) / median(bare), '<=', 1.1)
printMachine()

async function ofSession(): Promise<number> {
  const { id } = await person.createSession()
  const { pid } = await browserOf(home, id)
  await sleep(REST_MS)
  const mib = await memoryMib(pid)
  await person.endSession(id)
  return mib
}

async function ofBare(): Promise<number> {
  const launch = await launcher.prepare()
  await using browser = await launch()
  const tools = await DevTools.open(browser.endpoint)
  await tools.send('Browser.getVersion')
  await sleep(REST_MS)
  const mib = await memoryMib(browser.pid)
  tools.close()
  return mib
}

/** What the whole process group takes: shared pages count in parts. */
async function memoryMib(leader: number): Promise<number> {
  const members = processTable().filter(({ pgid, sid }) => pgid === leader || sid === leader)
  const sizes = await Promise.all(
    members.map(async ({ pid }) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
      return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
    }),
  )
  return sizes.reduce((sum, kib) => sum + kib, 0) / 1024
}
