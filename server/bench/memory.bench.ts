// Memory of the process with all four roles, without PostgreSQL and Chromium, and how long it takes to start.
import { ServerHome } from '#test/process.ts'
import { serveHtml } from '#test/page-server.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentMib } from './processes.ts'
import { type Person, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const SETTLE_MS = 3_000
const PAGE =
  '<!doctype html><title>A page</title><input id="name"><p style="height: 3000px">long</p>'

await using home = await ServerHome.make()
await using pages = await serveHtml(PAGE)
const firstStartMs = await startOnce()

await using product = await Product.start(home)
await sleep(SETTLE_MS)
const idle = residentMib(product.pid)
const person = await product.signUp()
for (let round = 0; round < 3; round++) await useEverything(person)
await sleep(SETTLE_MS)
const used = residentMib(product.pid)

printTable(
  'The process with all roles',
  ['', 'figure'],
  [
    ['first start, empty data directory', `${firstStartMs.toFixed(0)} ms`],
    ['second start', `${product.startMs.toFixed(0)} ms`],
    ['resident before the first command', `${idle.toFixed(0)} MiB`],
    ['resident after 18 commands in 3 sessions', `${used.toFixed(0)} MiB`],
  ],
)
judge('ms of the second start', product.startMs, '<=', 5_000)
judge('MiB before the first command', idle, '<=', 160)
judge('MiB after commands', used, '<=', 220)
printMachine()

async function startOnce(): Promise<number> {
  await using product = await Product.start(home)
  return product.startMs
}

async function useEverything(person: Person): Promise<void> {
  const { id } = await person.createSession()
  const commands = [
    ...[['navigate', { url: pages.url }] as const, ['click', { selector: '#name' }] as const],
    ...[['type', { selector: '#name', text: 'Ada' }] as const, ['screenshot', {}] as const],
    ...[['execute', { script: 'document.title' }] as const, ['scroll', { y: 500 }] as const],
  ]
  for (const [name, body] of commands) await person.command(`/sessions/${id}/${name}`, body)
  await person.endSession(id)
}
