import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
/** Hosts no browsers: who is not refused for the proxy is told that there is no machine. */
const app = stack.use(await startApp({ env: { EGRESS_ALLOW: '10.1.0.0/16:3128' } }))

test('a proxy at a private address is refused when the session is asked for, and its field named', async () => {
  const ann = await app.person()
  for (const proxy of [
    'http://127.0.0.1:3128',
    'http://ann:secret-of-ann@10.0.0.7:3128',
    'socks5://[::1]:1080',
    'http://0x7f.1:3128',
    'https://169.254.169.254',
    'http://[::ffff:10.1.2.3]:3129',
  ]) {
    const { status, body } = await ann.post('/v1/sessions', { egress: { proxy } })
    assert.deepEqual([status, body.code], [422, 'session.proxy_refused'], proxy)
    assert.equal(body.errors[0].path, 'body.egress.proxy')
    assert.doesNotMatch(JSON.stringify(body), /secret-of-ann/)
  }
  assert.deepEqual((await ann.get('/v1/sessions')).body.items, [])
})

test('a public proxy, one that EGRESS_ALLOW names and a name are not refused by then', async () => {
  const ann = await app.person()
  for (const proxy of [
    'http://ann:secret@9.9.9.9:3128',
    'http://10.1.2.3:3128',
    'socks5://proxy.internal:1080',
  ]) {
    const { body } = await ann.post('/v1/sessions', { egress: { proxy } })
    assert.equal(body.code, 'session.no_machines', proxy)
  }
})

test('a browser for one connection is refused in the same way, before the upgrade and where it is looked for', async () => {
  const ann = await app.person()
  const authorization = `Bearer ${ann.accessToken}`
  const query = '?proxy=http%3A%2F%2F127.0.0.1%3A3128'
  const found = await ann.get(`/cdp/json/version${query}`)
  assert.deepEqual([found.status, found.body.errors[0].path], [422, 'query.proxy'])
  const socket = new WebSocket(`${app.url}/cdp${query}`, { headers: { authorization } })
  socket.on('error', () => {})
  const status = await new Promise((resolve) =>
    socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode)),
  )
  assert.equal(status, 422)
  socket.terminate()
})
