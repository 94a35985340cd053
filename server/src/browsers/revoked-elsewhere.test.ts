import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { statusOf } from '#test/socket-status.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))

test('what another process of the API has revoked opens nothing here, and what it has opened is cut', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const sockets = [new WebSocket(body.cdpUrl), new WebSocket(body.liveUrl)]
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('open', resolve))))
  assert.equal(await statusOf(body.cdpUrl), 101)
  // As a process does that cannot reach the browsers of this one.
  await ann.ctx.db
    .updateTable('browserSessions')
    .set(({ eb }) => ({ generation: eb('generation', '+', 1) }))
    .where('id', '=', body.id)
    .execute()
  await eventually('they are cut', () =>
    sockets.every(({ readyState }) => readyState === WebSocket.CLOSED),
  )
  for (const url of [body.cdpUrl, body.liveUrl]) {
    await eventually('it opens nothing', async () => (await statusOf(url)) === 404)
  }
  const { body: now } = await ann.get(`/v1/sessions/${body.id}`)
  assert.equal(await statusOf(now.cdpUrl), 101, 'its new URL opens the same browser')
  await ann.delete(`/v1/sessions/${body.id}`)
})
