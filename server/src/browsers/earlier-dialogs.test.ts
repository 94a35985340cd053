import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'
import { TestViewer } from './live/fixture.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const pages = stack.use(await serveHtml('<title>A shop</title><h1>Shop</h1>'))
const ann = await app.person()

/** A session whose page is held by what this opens, and somebody who comes to watch it then. */
async function held(script: string) {
  const { id, liveUrl } = (await ann.post('/v1/sessions')).body
  await ann.post(`/v1/sessions/${id}/navigate`, { url: pages.url })
  await ann.post(`/v1/sessions/${id}/execute`, { script: `void setTimeout(() => { ${script} })` })
  await eventually('the dialog is open', async () => {
    return (await ann.get(`/v1/sessions/${id}/state`)).body.dialog
  })
  const viewer = new TestViewer(new WebSocket(liveUrl))
  await once(viewer.socket, 'open')
  return { id, liveUrl, viewer }
}

const read = async (id: string, script: string) =>
  (await ann.post(`/v1/sessions/${id}/execute`, { script })).body.result

test('who comes to a page that a dialog holds is told of it, and answers it with control', async () => {
  const { id, viewer } = await held(
    `window.answer = prompt('Name?'); window.more = confirm('More?')`,
  )
  const { dialog, page } = await viewer.next('dialog')
  assert.deepEqual(dialog, { type: 'prompt', message: 'Name?' })
  viewer.send({ type: 'dialog', accept: true, text: 'Bob' })
  await viewer.notice('control.needed')
  viewer.send({ type: 'control', action: 'request' })
  await viewer.next('control', ({ state }) => state.holder !== undefined)
  viewer.send({ type: 'mouse', action: 'move', x: 1, y: 1 })
  await viewer.notice('dialog.open')
  viewer.send({ type: 'dialog', accept: true, text: 'Ann' })
  const next = await viewer.next('dialog', ({ dialog: now }) => now?.type === 'confirm')
  assert.deepEqual(next, { type: 'dialog', page, dialog: { type: 'confirm', message: 'More?' } })
  viewer.send({ type: 'dialog', accept: true })
  await viewer.next('dialog', ({ dialog: now }) => now === null)
  viewer.send({ type: 'dialog', accept: true })
  await viewer.notice('dialog.none')
  viewer.send({ type: 'control', action: 'return' })
  await viewer.next('control', ({ state }) => state.holder === undefined)
  assert.deepEqual(await read(id, 'return [answer, more]'), ['Ann', true])
  viewer.socket.terminate()
  await ann.delete(`/v1/sessions/${id}`)
})

test('such a dialog is gone for viewers once a command has answered it', async () => {
  const { id, liveUrl, viewer } = await held(`window.answer = confirm('Go on?')`)
  assert.equal((await viewer.next('dialog')).dialog?.message, 'Go on?')
  const second = new TestViewer(new WebSocket(liveUrl))
  const hello = await second.next('hello')
  assert.equal(hello.pages.find(({ active }) => active)?.dialog?.message, 'Go on?')
  const { status } = await ann.post(`/v1/sessions/${id}/dialog`, { action: 'dismiss' })
  assert.equal(status, 200)
  for (const each of [viewer, second]) {
    await each.next('dialog', ({ dialog }) => dialog === null)
    each.socket.terminate()
  }
  assert.equal(await read(id, 'return answer'), false)
  await ann.delete(`/v1/sessions/${id}`)
})
