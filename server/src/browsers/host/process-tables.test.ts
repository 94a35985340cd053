import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as breathe } from 'node:timers/promises'
import { processTable } from '#kernel/processes.ts'
import { ProcessTables } from './process-tables.ts'

test('a table has the facts of every process, a new one too', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  await once(child, 'spawn')
  const table = await new ProcessTables().look()

  const row = table.find(({ pid }) => pid === child.pid)!
  const known = processTable().find(({ pid }) => pid === child.pid)!
  const { ppid, pgid, sid, startTicks, cmdline } = known
  assert.deepEqual(
    [row.ppid, row.pgid, row.sid, row.startTicks, row.cmdline],
    [ppid, pgid, sid, startTicks, cmdline],
  )
  const own = table.find(({ pid }) => pid === process.pid)!
  assert.ok(own.residentPages > 1_000)
  child.kill('SIGKILL')
})

test('those who ask at once share a look; who asks during one gets the next', async () => {
  const tables = new ProcessTables()
  const [first, second] = [tables.look(), tables.look()]
  assert.equal(first, second)
  await breathe()
  await breathe()
  const [third, fourth] = [tables.look(), tables.look()]
  assert.notEqual(third, first)
  assert.equal(third, fourth)
  const found = await Promise.all([first, third])
  assert.ok(found.every((table) => table.some(({ pid }) => pid === process.pid)))
  assert.notEqual(tables.look(), third)
})
