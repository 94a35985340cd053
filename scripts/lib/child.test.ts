import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { runAsGroup, statusOf } from './child.mjs'

const forever = 'setInterval(() => {}, 1000)'

test('a group that is not done by its deadline is interrupted with all its children', async () => {
  // The shell waits for the child in front of it, so it ends only when the child has got the signal too.
  const end = await runAsGroup('sh', ['-c', 'sleep 30; exit 5'], { deadlineMs: 200 })
  assert.deepEqual(end, { code: null, signal: 'SIGINT', late: true })
})

test('a group that ends in time has its own status', async () => {
  const end = await runAsGroup(process.execPath, ['-e', 'process.exit(4)'], { deadlineMs: 60_000 })
  assert.deepEqual(end, { code: 4, signal: null, late: false })
  assert.equal(statusOf(end), 4)
})

test('a signal reaches every process of the group', async () => {
  const module = JSON.stringify(import.meta.resolve('./child.mjs'))
  const code = `
    const { runAsGroup } = await import(${module})
    const inner = "process.on('SIGTERM', () => process.exit(3)); console.log('up'); ${forever}"
    const end = await runAsGroup(process.execPath, ['-e', inner], { deadlineMs: 60_000 })
    process.exit(end.code)`
  const outer = spawn(process.execPath, ['--input-type=module', '-e', code])
  await once(outer.stdout, 'data')
  outer.kill('SIGTERM')
  assert.deepEqual(await once(outer, 'exit'), [3, null])
})
