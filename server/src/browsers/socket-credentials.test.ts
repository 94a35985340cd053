import assert from 'node:assert/strict'
import { after, mock, test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const base = app.url.replace('http', 'ws')

async function keyOf(person: Person) {
  const { body } = await person.post('/v1/api-keys', { name: 'ci', scopes: ['sessions.*'] })
  return body as { id: string; key: string }
}

async function opened(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('open', resolve))
  return { socket, closed }
}

test('a browser that an API key made ends with the key', async () => {
  const ann = await app.person()
  const { id, key } = await keyOf(ann)
  const { closed } = await opened(`${base}/cdp?apiKey=${key}`)
  const [session] = (await ann.get('/v1/sessions?status=active')).body.items
  await ann.delete(`/v1/api-keys/${id}`)
  assert.equal(await closed, 1008)
  const ended = await eventually('the session has ended', async () => {
    const { body } = await ann.get(`/v1/sessions/${session.id}`)
    return body.wipe && body
  })
  assert.equal(ended.endReason, 'disconnected')
})

test('a live view ends with the credential that opened it, and others go on', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const [first, second] = [await keyOf(ann), await keyOf(ann)]
  const live = `${base}/api/v1/sessions/${body.id}/live`
  const authorization = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` })
  const cut = await opened(live, authorization(first))
  const stays = await opened(live, authorization(second))
  await ann.delete(`/v1/api-keys/${first.id}`)
  assert.ok((await cut.closed) >= 1000)
  assert.equal(stays.socket.readyState, WebSocket.OPEN)
  stays.socket.terminate()
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('a socket is of the account that its header names, from the first moment on', async () => {
  const [ann, ben] = [await app.person('ann'), await app.person('ben')]
  const org = await found(ann, app.unique('org'))
  await addMember(app, org, ben, 'member')
  const there = forAccount(org)
  const token = { authorization: `Bearer ${ben.accessToken}` }
  const cdp = await opened(`${base}/cdp`, { ...token, ...there })
  const [session] = (await ann.get('/v1/sessions?status=active', there)).body.items
  assert.deepEqual([session?.accountId, session?.userId], [org, ben.userId])
  assert.deepEqual((await ben.get('/v1/sessions')).body.items, [])
  const live = `${base}/api/v1/sessions/${session.id}/live`
  const view = await opened(live, { ...token, ...there })
  assert.equal((await ann.delete(`/v1/accounts/${org}/members/${ben.userId}`)).status, 204)
  assert.ok((await view.closed) >= 1000)
  assert.ok((await cdp.closed) >= 1000)
})

test('a live view of an account that the header names is not cut for being of another than one’s own', async () => {
  const ann = await app.person('ann')
  const there = forAccount(await found(ann, app.unique('org')))
  const { body } = await ann.post('/v1/sessions', {}, there)
  const token = { authorization: `Bearer ${ann.accessToken}` }
  const view = await opened(`${base}/api/v1/sessions/${body.id}/live`, { ...token, ...there })
  const asked = mock.method(app.app.identity, 'authenticate')
  await eventually('it was asked for again', () => asked.mock.callCount() >= 3)
  asked.mock.restore()
  assert.equal(view.socket.readyState, WebSocket.OPEN)
  view.socket.terminate()
  await ann.delete(`/v1/sessions/${body.id}`, there)
})
