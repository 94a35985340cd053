import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
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
