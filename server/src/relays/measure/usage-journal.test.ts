import assert from 'node:assert/strict'
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import pino from 'pino'
import { LineFile } from '#kernel/line-file.ts'
import { eventually, temporaryPath } from '#kernel/test-support.ts'
import { readEntries } from './journal-lines.ts'
import { Receiver, usageOf } from './test-support.ts'
import { UsageJournal, type UsageJournalOptions } from './usage-journal.ts'

const log = pino({ level: 'silent' })

/** A journal that is given counts by hand. */
async function openJournal(
  path: string,
  receiver: UsageJournalOptions['control'],
  options: Partial<UsageJournalOptions> = {},
) {
  const counted: ReturnType<typeof usageOf>[] = []
  const meters = { take: () => counted.splice(0) }
  const common = { path, log, meters, control: receiver, everyMs: 5 }
  const journal = await UsageJournal.open({ ...common, ...options })
  const count = (...usage: ReturnType<typeof usageOf>[]) => counted.push(...usage)
  return Object.assign(journal, { count })
}

test('what was counted is sent, and forgotten once it was taken', async () => {
  const path = temporaryPath('.jsonl')
  const receiver = new Receiver()
  await using journal = await openJournal(path, receiver)
  journal.start()
  journal.count(usageOf(1), usageOf(2, 'tun_b'))
  await eventually('it was taken', () => receiver.total() === 3)
  await eventually('it was forgotten', () => journal.figures.waiting === 0)
})

test('while nobody takes it, a minute of one tunnel is one entry, and nothing is lost', async () => {
  const path = temporaryPath('.jsonl')
  const receiver = new Receiver()
  receiver.isAway = true
  {
    await using journal = await openJournal(path, receiver)
    journal.start()
    journal.count(usageOf(1))
    await eventually('it was tried', () => receiver.calls > 0)
    for (let n = 0; n < 20; n++) {
      journal.count(usageOf(1))
      await journal.keep()
    }
    assert.equal(journal.figures.waiting, 2, 'what was tried stays as it was, and one grows')
  }
  receiver.isAway = false
  await using next = await openJournal(path, receiver)
  next.start()
  await eventually('all was taken', () => receiver.total() === 21)
})

test('an entry that was taken without an answer is sent again as it was, and counted once', async () => {
  const receiver = new Receiver()
  receiver.losesAnswers = true
  await using journal = await openJournal(temporaryPath('.jsonl'), receiver)
  journal.start()
  journal.count(usageOf(1))
  await eventually('it was taken', () => receiver.total() === 1)
  journal.count(usageOf(1))
  await eventually('it was tried again', () => receiver.calls > 3)
  receiver.losesAnswers = false
  await eventually('all was taken', () => journal.figures.waiting === 0)
  assert.equal(receiver.total(), 2)
})

test('a file that was copied, to a machine or by a restore, counts nothing twice and takes nothing away', async () => {
  const path = temporaryPath('.jsonl')
  const copy = temporaryPath('.jsonl')
  const receiver = new Receiver()
  receiver.isAway = true
  {
    await using journal = await openJournal(path, receiver)
    journal.count(usageOf(5))
  }
  await copyFile(path, copy)
  receiver.isAway = false
  await using one = await openJournal(path, receiver)
  await using other = await openJournal(copy, receiver)
  for (const journal of [one, other]) {
    journal.start()
    journal.count(usageOf(1))
  }
  await eventually(
    'all was taken',
    () => one.figures.waiting + other.figures.waiting === 0 && receiver.total() >= 7,
  )
  assert.equal(receiver.total(), 7)
})

test('more than may wait is given up, the oldest first, and the file does not grow', async () => {
  const path = temporaryPath('.jsonl')
  const receiver = new Receiver()
  receiver.isAway = true
  await using journal = await openJournal(path, receiver, { maxWaiting: 100 })
  for (let n = 0; n < 150; n++) journal.count(usageOf(1, `tun_${n}`))
  await journal.keep()
  assert.deepEqual(journal.figures, { waiting: 100, givenUp: 50 })
  for (let round = 0; round < 300; round++) {
    for (let n = 50; n < 150; n++) journal.count(usageOf(1, `tun_${n}`))
    await journal.keep()
  }
  assert.equal(journal.figures.waiting, 100)
  assert.ok((await stat(path)).size < 3 * 1024 * 1024, 'of 30,000 lines, a third')
})

test('of many tunnels an hour becomes one entry', async () => {
  const receiver = new Receiver()
  receiver.isAway = true
  await using journal = await openJournal(temporaryPath('.jsonl'), receiver, {
    maxWaiting: 1000,
    everyMs: 3_600_000,
  })
  const minute = (n: number) => `2026-11-20T12:${String(n).padStart(2, '0')}:00.000Z`
  for (let n = 0; n < 60; n++) {
    for (let tunnel = 0; tunnel < 100; tunnel++)
      journal.count({ ...usageOf(1, `tun_${tunnel}`), minute: minute(n) })
    await journal.keep()
  }
  assert.equal(journal.figures.givenUp, 0)
  assert.ok(journal.figures.waiting <= 400, `${journal.figures.waiting}`)
})

test('lines that a crash or a disk has spoilt are left out', async () => {
  const path = temporaryPath('.jsonl')
  const entry = (sequence: number) => ({ sequence, ...usageOf(sequence) })
  const lines = [1, 2, 3].map((n) => JSON.stringify({ journal: 'j', entry: entry(n) }))
  const upTo = JSON.stringify({ journal: 'j', upTo: 1 })
  await writeFile(
    path,
    [...lines.slice(0, 2), '\0\0', '3', upTo, '{"journal":4}', lines[2]!.slice(0, 50)].join('\n'),
  )
  const receiver = new Receiver()
  await using journal = await openJournal(path, receiver)
  journal.start()
  await eventually('it was taken', () => journal.figures.waiting === 0)
  assert.equal(receiver.total(), 2)
})

test('a control plane that is silent does not hold up the end, and is told by the next process', async () => {
  const path = temporaryPath('.jsonl')
  const silent = { reportUsage: () => new Promise<never>(() => {}) }
  const journal = await openJournal(path, silent)
  journal.start()
  journal.count(usageOf(1))
  await eventually('it is being sent', () => journal.figures.waiting === 1)
  journal.count(usageOf(1))
  await journal[Symbol.asyncDispose]()
  const receiver = new Receiver()
  await using next = await openJournal(path, receiver)
  next.start()
  await eventually('all was taken', () => receiver.total() === 2)
})

test('while the disk takes nothing it goes on, and what waits is on disk once there is room', async () => {
  const directory = temporaryPath()
  const path = join(directory, 'usage.jsonl')
  const receiver = new Receiver()
  receiver.isAway = true
  {
    await using journal = await openJournal(path, receiver)
    journal.count(usageOf(1))
    await journal.keep()
    await mkdir(directory)
    journal.count(usageOf(2, 'tun_b'))
    await journal.keep()
    assert.equal(readEntries(await LineFile.read(path)).length, 2)
  }
  receiver.isAway = false
  await using next = await openJournal(path, receiver)
  next.start()
  await eventually('all was taken', () => receiver.total() === 3)
})
