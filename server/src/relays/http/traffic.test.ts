import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { request } from 'undici'
import { serveHttp, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

test('a request goes to the service and its answer comes back', async () => {
  await using service = await serveHttp((asked, answer) => {
    answer.setHeader('x-seen', `${asked.method} ${asked.url} ${asked.headers.host}`)
    answer.end('hello')
  })
  const spec = relay.control.add('hello', [service.port])
  await using agent = await startAgent(relay, [spec])
  void agent
  const { statusCode, headers, body } = await request(`${relay.url}/a?b=c`, {
    headers: { host: 'hello.localhost' },
  })
  assert.deepEqual(
    [statusCode, headers['x-seen'], await body.text()],
    [200, 'GET /a?b=c hello.localhost', 'hello'],
  )
})
