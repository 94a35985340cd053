// Gantry beside other servers that give out browsers: the same Chromium, the same machine, turn by turn.
import { readlinkSync } from 'node:fs'
import { serveHtml } from '#test/page-server.ts'
import { Browserless } from './peers/browserless.ts'
import { TITLE } from './peers/cdp-session.ts'
import { type Contender, LeftOut } from './peers/contender.ts'
import { Gantry } from './peers/gantry.ts'
import { outputOf } from './peers/install.ts'
import { measureJobs } from './peers/jobs.ts'
import { measureKilledBrowsers } from './peers/killed-browsers.ts'
import { measureKilledServers } from './peers/killed-servers.ts'
import { MemoryFigures } from './peers/memory.ts'
import { measureStarts } from './peers/starts.ts'
import { Selenium } from './peers/selenium.ts'
import { printMachine } from './table.ts'

/** Nothing of this may hang: what is not done by then is not done. */
const GIVE_UP_MS = 10 * 60_000

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1))
}
await using pages = await serveHtml(`<title>${TITLE}</title><h1>Shop</h1><p>Plenty of things.</p>`)
await using stack = new AsyncDisposableStack()
const cold = stack.use(await Gantry.start('Gantry, none ready', 0))
const chromium = await chromiumOf(cold)
const peers = await startPeers()
const begunMs = performance.now()
setTimeout(giveUp, GIVE_UP_MS).unref()
const contenders: Contender[] = [cold, ...peers]

const memory = await MemoryFigures.begin(contenders)
const warm = stack.use(await Gantry.start('Gantry, two ready (default)', 2))
await measureStarts(warm, cold, peers)
await measureJobs([warm, cold, ...peers], pages.url)
await measureKilledBrowsers(contenders)
await warm[Symbol.asyncDispose]()
await memory.report()
await measureKilledServers(contenders)
console.log(`  Took ${((performance.now() - begunMs) / 1000).toFixed(0)} s.`)
printMachine()

function giveUp(): never {
  console.error(`This took more than ${GIVE_UP_MS / 60_000} minutes, and was ended.`)
  process.exit(1)
}

async function startPeers(): Promise<Contender[]> {
  const starts = {
    browserless: () => Browserless.start(chromium.path),
    'Selenium Grid': () => Selenium.start(chromium.path, chromium.version),
  }
  const started: Contender[] = []
  for (const [name, start] of Object.entries(starts)) {
    try {
      started.push(stack.use<Contender>(await start()))
    } catch (error) {
      if (!(error instanceof LeftOut)) throw error
      console.log(`${name} is left out: ${error.message}`)
    }
  }
  return started
}

/** The program that Gantry chose by itself, for the others to run too. */
async function chromiumOf(gantry: Gantry): Promise<{ path: string; version: string }> {
  const session = await gantry.open()
  const path = readlinkSync(`/proc/${gantry.server.family.browsers()[0]!.pid}/exe`)
  await session.end()
  const [version] = /\d+(\.\d+)+/.exec(await outputOf(path, ['--version'])) ?? []
  return { path, version: version! }
}
