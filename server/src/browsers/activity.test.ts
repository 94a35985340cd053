import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))

test('asking how a session stands does not keep it from being idle; work in it does', async () => {
  const ann = await app.person()
  const { id } = (await ann.post('/v1/sessions')).body
  const lastActivityMs = () => app.app.browsers!.sessions.get(id)!.facts.lastActivityMs
  await ann.post(`/v1/sessions/${id}/execute`, { script: 'return 1' })
  const before = lastActivityMs()
  for (const what of ['', '/control', '/downloads', '/state', '/commands']) {
    assert.equal((await ann.get(`/v1/sessions/${id}${what}`)).status, 200)
    assert.equal(lastActivityMs(), before, what)
  }
  for (const [what, body] of [
    ['execute', { script: 'return 1' }],
    ['screenshot', {}],
    ['control', { seconds: 5 }],
  ] as const) {
    const since = lastActivityMs()
    const { status } = await ann.post(`/v1/sessions/${id}/${what}`, body)
    assert.equal(status, 200)
    assert.ok(lastActivityMs() > since, what)
  }
  await ann.delete(`/v1/sessions/${id}`)
})
