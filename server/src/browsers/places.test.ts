import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { WebSocket } from 'ws'
import { type Person, startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true, env: { MAX_SESSIONS: '1' } }))

/** Takes the only place. Returns what frees it. */
async function fill(person: Person): Promise<() => Promise<void>> {
  const { body, status } = await person.post('/v1/sessions')
  assert.equal(status, 201)
  return async () => void (await person.delete(`/v1/sessions/${body.id}`))
}

const queue = async (person: Person, more = {}) =>
  (await person.post('/v1/sessions', { wait: false, ...more })).body

const read = async (person: Person, id: string) => (await person.get(`/v1/sessions/${id}`)).body

const whenActive = (person: Person, id: string) =>
  eventually('it is active', async () => (await read(person, id)).status === 'active')

test('a session waits for a place, is told which, and starts once there is one', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const first = await queue(ann)
  const second = await queue(ann)
  assert.deepEqual([first.status, first.queuePlace, first.instanceId], ['queued', 1, undefined])
  assert.equal(second.queuePlace, 2)

  await free()
  await whenActive(ann, first.id)
  assert.equal((await read(ann, second.id)).queuePlace, 1)
  await ann.delete(`/v1/sessions/${first.id}`)
  await whenActive(ann, second.id)
  await ann.delete(`/v1/sessions/${second.id}`)
  const kinds = await app.eventKinds(ann.accountId)
  assert.equal(kinds.filter((kind) => kind === 'session.started').length, 3)
})

test('the call itself waits for the place', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const creating = ann.post('/v1/sessions')
  await eventually('it waits', async () => {
    return (await ann.get('/v1/sessions?status=queued')).body.items.length === 1
  })
  await free()
  const { status, body } = await creating
  assert.deepEqual([status, body.status], [201, 'active'])
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('accounts take turns, however many sessions one of them wants', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const free = await fill(ann)
  const greedy = [await queue(ann), await queue(ann), await queue(ann)]
  const modest = await queue(bob)
  assert.equal(modest.queuePlace, 1, 'bob has none open yet')
  assert.equal((await read(ann, greedy[0].id)).queuePlace, 2)
  await free()
  await whenActive(ann, greedy[0].id)
  await ann.delete(`/v1/sessions/${greedy[1].id}`)
  await ann.delete(`/v1/sessions/${greedy[0].id}`)
  await eventually('both had their turn', async () => {
    const states = [await read(bob, modest.id), await read(ann, greedy[2].id)]
    return states.some(({ status }) => status === 'active')
  })
  for (const { id } of greedy) await ann.delete(`/v1/sessions/${id}`)
  await bob.delete(`/v1/sessions/${modest.id}`)
})

test('who waits too long is told so, and who would not wait is refused at once', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const late = await ann.post('/v1/sessions', { queueTimeoutSeconds: 1 })
  assert.deepEqual([late.status, late.body.code], [503, 'session.queue_timeout'])
  const never = await ann.post('/v1/sessions', { queueTimeoutSeconds: 0 })
  assert.deepEqual([never.status, never.body.code], [429, 'session.limit_reached'])
  assert.ok(Number(never.headers.get('retry-after')) > 0)
  const { items } = (await ann.get('/v1/sessions?status=error')).body
  assert.deepEqual([items.length, items[0].endReason], [1, 'queue_timeout'])
  await free()
})

test('a full queue refuses with the time to come again', async () => {
  const [ann, root] = [await app.person(), await app.superAdmin()]
  const set = (value: number) =>
    root.put('/v1/admin/config', { 'browsers.queue_per_account': value })
  const free = await fill(ann)
  assert.equal((await set(1)).status, 200)
  const waiting = await queue(ann)
  const full = await ann.post('/v1/sessions')
  assert.deepEqual([full.status, full.body.code], [429, 'session.queue_full'])
  assert.ok(Number(full.headers.get('retry-after')) > 0)
  await set(50)
  await ann.delete(`/v1/sessions/${waiting.id}`)
  await free()
})

test('a session that waits can be ended, and one whose caller goes away is', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const waiting = await queue(ann)
  const ended = await ann.delete(`/v1/sessions/${waiting.id}`)
  assert.deepEqual([ended.body.status, ended.body.endReason], ['closed', 'asked'])
  assert.deepEqual(ended.body.wipe, { processes: 0, directories: 0, sockets: 0 })

  const gone = new AbortController()
  const creating = fetch(`${app.url}/api/v1/sessions`, {
    method: 'POST',
    signal: gone.signal,
    headers: { authorization: `Bearer ${ann.accessToken}` },
  }).catch(() => {})
  const id = await eventually('it waits', async () => {
    return (await ann.get('/v1/sessions?status=queued')).body.items[0]?.id as string | undefined
  })
  gone.abort()
  await creating
  await eventually('it has ended', async () => (await read(ann, id)).status === 'closed')
  await free()
})

/** A call with an idempotency key that waits, and its session. */
async function waitWithKey(person: Person, wish: object, headers: Record<string, string>) {
  const gone = new AbortController()
  const calling = fetch(`${app.url}/api/v1/sessions`, {
    ...{ method: 'POST', body: JSON.stringify(wish), signal: gone.signal },
    headers: {
      authorization: `Bearer ${person.accessToken}`,
      ...{ 'content-type': 'application/json', ...headers },
    },
  }).catch(() => undefined)
  // It may have waited in vain by the time it is seen.
  const id = await eventually('it waits', async () => {
    const { items } = (await person.get('/v1/sessions')).body
    const found = items.find(({ status }: { status: string }) => status !== 'active')
    return found?.id as string | undefined
  })
  return { id, gone, calling }
}

test('a call with a key that is cut off finds its session, with its place, when it comes back', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const [wish, headers] = [{ queueTimeoutSeconds: 300 }, { 'idempotency-key': 'comes-back' }]
  const { id, gone, calling } = await waitWithKey(ann, wish, headers)
  gone.abort()
  await calling
  const again = await ann.post('/v1/sessions', wish, headers)
  assert.deepEqual([again.status, again.body.id], [201, id])
  await free()
  await whenActive(ann, id)
  await ann.delete(`/v1/sessions/${id}`)
})

test('a key whose session has waited in vain may be used again', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const [wish, headers] = [{ queueTimeoutSeconds: 1 }, { 'idempotency-key': 'in-vain' }]
  const first = await waitWithKey(ann, wish, headers)
  assert.equal((await first.calling)?.status, 503)
  await free()
  const again = await ann.post('/v1/sessions', wish, headers)
  assert.deepEqual([again.status, again.body.status], [201, 'active'])
  assert.notEqual(again.body.id, first.id)
  await ann.delete(`/v1/sessions/${again.body.id}`)
})

test('a DevTools client that goes away while it waits for its browser gives the place up', async () => {
  const ann = await app.person()
  const free = await fill(ann)
  const headers = { authorization: `Bearer ${ann.accessToken}` }
  const client = new WebSocket(`${app.url.replace('http', 'ws')}/cdp`, { headers })
  client.on('error', () => {})
  const id = await eventually('it waits', async () => {
    return (await ann.get('/v1/sessions?status=queued')).body.items[0]?.id as string | undefined
  })
  client.terminate()
  await eventually('it has ended', async () => (await read(ann, id)).endReason === 'asked')
  await free()
})
