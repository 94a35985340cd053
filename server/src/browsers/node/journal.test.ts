import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import { Script, eventually, temporaryPath } from '#kernel/test-support.ts'
import { type Entry, Journal, type JournalOptions } from './journal.ts'
import type { Report } from './session-node.ts'

const log = pino({ level: 'silent' })
const about = { sessionId: 'ses_x', accountId: 'acc_x', atMs: 1 }
const WIPE = { processes: 0, directories: 0, sockets: 0 }
const fact = (n: number): Report => ({ ...about, kind: 'fact', name: 'n', facts: { n } })
const end: Report = { ...about, kind: 'ended', reason: 'idle', wipe: WIPE }
const away = () => Promise.reject(new Error('the API is away'))

function open(path: string, options: Partial<JournalOptions>): Promise<Journal> {
  return Journal.open({ path, log, clock: systemClock, deliver: away, ...options })
}

test('what a killed node had to tell is told by the next one, first and in its order', async () => {
  const path = temporaryPath('.jsonl')
  using node = new Script(
    { Journal: '../browsers/node/journal.ts', systemClock: './clock.ts' },
    `const log = { warn() {}, error() {} }
    const deliver = () => Promise.reject(new Error('the API is away'))
    const journal = await Journal.open({ path: ${JSON.stringify(path)}, clock: systemClock, log, deliver })
    for (const n of [1, 2, 3]) void journal.append({ ...${JSON.stringify(fact(0))}, facts: { n } })
    setInterval(() => {}, 1000)`,
  )
  const lines = async () => (await readFile(path, 'utf8').catch(() => '')).split('\n').length
  await eventually('the reports are on disk', async () => (await lines()) === 5)
  node.child.kill('SIGKILL')

  const told: Entry[] = []
  await using journal = await open(path, { deliver: async (entries) => void told.push(...entries) })
  journal.start()
  await journal.append(fact(4))
  const numbers = told.map(({ report }) => report.kind === 'fact' && report.facts.n)
  assert.deepEqual(numbers, [1, 2, 3, 4])
  const places = told.map(({ sequence }) => sequence)
  assert.deepEqual(places, places.toSorted(), 'no place comes twice')
  assert.equal(new Set(places).size, 4)
})

test('the ends that an earlier process has left are handed out once, and known to be taken', async () => {
  const path = temporaryPath('.jsonl')
  const lines = [fact(0), end].map((report, at) => JSON.stringify({ sequence: at + 1, report }))
  await writeFile(path, lines.join('\n'))
  await using journal = await open(path, { deliver: async () => {} })
  const inherited = journal.takeInherited()
  assert.deepEqual(
    inherited.map(({ report }) => report),
    [end],
  )
  assert.deepEqual(journal.takeInherited(), [])
  journal.start()
  await inherited[0]!.taken
})

test('a place never comes again, even when the clock was set back and all had been told', async () => {
  const path = temporaryPath('.jsonl')
  const placeAt = async (year: number) => {
    let place = 0
    const clock = { ...systemClock, now: () => new Date(`${year}-01-01`) }
    const deliver = async (entries: readonly Entry[]) => void (place = entries.at(-1)!.sequence)
    await using journal = await open(path, { clock, deliver })
    await journal.append(end)
    return place
  }
  const first = await placeAt(2031)
  assert.ok((await placeAt(2026)) > first)
  assert.ok((await placeAt(2025)) > first + 1)
})

test('a flood is bounded in memory and on disk, and takes no end of a session with it', async () => {
  const path = temporaryPath('.jsonl')
  const journal = await open(path, { maxWaiting: 50 })
  void journal.append(end)
  const early = journal.append(fact(0))
  for (let n = 1; n < 5_000; n++) void journal.append(fact(n))
  await early
  assert.equal(journal.waiting, 50)
  await journal[Symbol.asyncDispose]()
  assert.ok((await stat(path)).size < 400_000, 'most lines are gone')

  const told: Entry[] = []
  const next = await open(path, { deliver: async (entries) => void told.push(...entries) })
  next.start()
  await next[Symbol.asyncDispose]()
  assert.equal(told[0]!.report.kind, 'ended')
})

test('lines that a crash or a disk has spoilt are left out', async () => {
  const path = temporaryPath('.jsonl')
  const good = JSON.stringify({ sequence: 5, report: end })
  await writeFile(path, `{"last":4}\n\0\0\0\nnull\n${good}\n{"sequence":6,"repor`)
  const told: Entry[] = []
  const journal = await open(path, { deliver: async (entries) => void told.push(...entries) })
  journal.start()
  await journal[Symbol.asyncDispose]()
  assert.deepEqual(told, [{ sequence: 5, report: end }])
})
