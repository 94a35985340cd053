import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const MIB = 1024 ** 2

/** What the file system of the sessions says is free; nothing else is asked of it here. */
let freeBytes = 10_000 * MIB
const { statfsSync } = fs
fs.statfsSync = ((path: string) =>
  path === join(app.home, 'sessions')
    ? { bavail: freeBytes, bsize: 1 }
    : statfsSync(path)) as typeof statfsSync
syncBuiltinESMExports()
stack.defer(() => {
  fs.statfsSync = statfsSync
  syncBuiltinESMExports()
})

test('on a full disk a session is refused at once, and sessions that are open go on', async () => {
  const ann = await app.person()
  const { id } = (await ann.post('/v1/sessions')).body
  freeBytes = 500 * MIB
  for (const input of [{}, { wait: false }, { queueTimeoutSeconds: 0 }]) {
    const { status, body, headers } = await ann.post('/v1/sessions', input)
    assert.deepEqual([status, body.code], [503, 'node.disk_full'])
    assert.equal(headers.get('retry-after'), '30')
  }
  const { items } = (await ann.get('/v1/sessions')).body
  assert.deepEqual(
    items.map((item: { id: string }) => item.id),
    [id],
    'nothing waits for a disk',
  )
  assert.equal((await ann.post(`/v1/sessions/${id}/execute`, { script: 'return 1' })).status, 200)
  freeBytes = 600 * MIB
  const again = await ann.post('/v1/sessions')
  assert.equal(again.status, 201)
  for (const each of [id, again.body.id]) await ann.delete(`/v1/sessions/${each}`)
})
