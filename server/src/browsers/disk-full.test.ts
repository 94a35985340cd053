import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Person, startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const remote = stack.use(await startApp())
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

/** A machine elsewhere, as its beats tell of it. */
async function joinFleet(root: Person) {
  const { token } = (await root.post('/v1/fleet/join-tokens', { name: 'rack' })).body
  const counts = { capacity: 4, version: '1.0.0' }
  const fingerprint = Array.from(randomBytes(32), (byte) => byte.toString(16).padStart(2, '0'))
  const request = {
    ...{ token, url: 'https://127.0.0.1:9', fingerprint: fingerprint.join(':').toUpperCase() },
    facts: { ...counts, sessions: 0 },
  }
  const { body: joined } = await remote.request('POST', '/v1/node/join', { body: request })
  let sequence = 0
  const authorization = { authorization: `Bearer ${joined.credential}` }
  return async (facts: { sessions: number; diskFull?: boolean }) => {
    const beat = { sequence: ++sequence, sessions: [], facts: { ...counts, ...facts } }
    const call = { body: beat, headers: authorization }
    const { status, body } = await remote.request('POST', '/v1/node/beat', call)
    assert.equal(status, 200, JSON.stringify(body))
  }
}

test('where every machine of a fleet has a full disk a session is refused at once; one that is just busy is waited for', async () => {
  const [root, ann] = [await remote.superAdmin(), await remote.person()]
  const [first, second] = [await joinFleet(root), await joinFleet(root)]
  await first({ sessions: 4, diskFull: true })
  await second({ sessions: 4 })
  const waits = await ann.post('/v1/sessions', { wait: false })
  assert.deepEqual([waits.status, waits.body.status], [201, 'queued'])
  await ann.delete(`/v1/sessions/${waits.body.id}`)

  await second({ sessions: 4, diskFull: true })
  for (const input of [{}, { wait: false }]) {
    const { status, body } = await ann.post('/v1/sessions', input)
    assert.deepEqual([status, body.code], [503, 'node.disk_full'])
  }
  const { items } = (await root.get('/v1/fleet/nodes')).body
  assert.deepEqual(
    items.map(({ diskFull }: { diskFull: boolean }) => diskFull),
    [true, true],
  )

  await second({ sessions: 4 })
  const again = await ann.post('/v1/sessions', { wait: false })
  assert.deepEqual([again.status, again.body.status], [201, 'queued'])
  await ann.delete(`/v1/sessions/${again.body.id}`)
})
