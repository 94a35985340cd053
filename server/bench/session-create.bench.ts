// From the order of a session to the first DevTools answer, against a bare launch of the same Chromium with the same switches.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory } from '#test/directory.ts'
import { ServerHome } from '#test/process.ts'
import { DevTools } from './dev-tools.ts'
import { interleave, median, percentile } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const QUIET = { DBUS_SESSION_BUS_ADDRESS: 'disabled:', LANG: 'en_US.UTF-8', TZ: 'UTC' }
const ROUNDS = 25

type Ways = Record<'created' | 'launched', () => Promise<{ replyMs?: number; answerMs: number }>>

/** How the product launched a browser, so that the bare one is launched the same way. */
interface Recipe {
  command: string[]
  user: { uid: number; gid: number }
}

await using home = await ServerHome.make()
await using product = await Product.start(home)
const person = await product.signUp()
const recipe = await readRecipe()
const directory = await makeDirectory('gantry-bench')
let launches = 0
try {
  await createOnce()
  await launchOnce()
  const ways: Ways = { created: createOnce, launched: launchOnce }
  const { created, launched } = await interleave(ways, ROUNDS)
  report({
    'bare launch, to its first answer': launched.map(({ answerMs }) => answerMs),
    'Gantry, to the reply': created.map(({ replyMs }) => replyMs!),
    'Gantry, to an answer to the client': created.map(({ answerMs }) => answerMs),
  })
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** The product has had one answer itself when it replies; the client's comes by a connection of its own. */
async function createOnce(): Promise<{ replyMs: number; answerMs: number }> {
  const begunMs = performance.now()
  const id = await person.createSession()
  const replyMs = performance.now() - begunMs
  const { endpoint } = await browserOf(home, id)
  const tools = await DevTools.open(endpoint)
  await tools.send('Browser.getVersion')
  const answerMs = performance.now() - begunMs
  tools.close()
  await person.endSession(id)
  return { replyMs, answerMs }
}

async function launchOnce(): Promise<{ answerMs: number }> {
  const path = await makeProfile()
  const begunMs = performance.now()
  const child = launch(path)
  try {
    const tools = await DevTools.open(await announcedEndpoint(child))
    await tools.send('Browser.getVersion')
    const answerMs = performance.now() - begunMs
    tools.close()
    return { answerMs }
  } finally {
    process.kill(-child.pid!, 'SIGKILL')
    await once(child, 'exit')
    await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
}

async function makeProfile(): Promise<string> {
  const path = join(directory, String(++launches))
  const { uid, gid } = recipe.user
  for (const part of [path, join(path, 'profile'), join(path, 'tmp')]) {
    await mkdir(part, { mode: 0o700 })
    if (process.getuid?.() === 0) await chown(part, uid, gid)
  }
  return path
}

function launch(path: string): ChildProcess {
  const { command, user } = recipe
  const [program, ...switches] = command.map((part) =>
    part.startsWith('--user-data-dir=') ? `--user-data-dir=${join(path, 'profile')}` : part,
  )
  return spawn(program!, switches, {
    ...(process.getuid?.() === 0 && user),
    detached: true,
    cwd: path,
    env: { PATH: process.env.PATH, HOME: path, TMPDIR: '/proc/self/cwd/tmp', ...QUIET },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

async function announcedEndpoint({ stderr }: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of stderr!.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    const endpoint = /DevTools listening on (\S+)/.exec(text)?.[1]
    if (endpoint) return endpoint
  }
  throw new Error(`Chromium ended: ${text}`)
}

async function readRecipe(): Promise<Recipe> {
  const id = await person.createSession()
  const { pid } = await browserOf(home, id)
  const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replace(/\0+$/, '')
  const { uid, gid } = await stat(`/proc/${pid}`)
  await person.endSession(id)
  return { command: splitSwitches(commandLine), user: { uid, gid } }
}

/** Chromium joins its arguments by spaces once it runs, and a switch may hold spaces itself. */
function splitSwitches(commandLine: string): string[] {
  return commandLine.split(/[\0 ](?=--)| (?=about:blank$)/)
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
