import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { hasBody, passedHeaders } from './heads.ts'

test('a request of HTTP/2 keeps its host, its cookies in one line, and its body though it tells no length', async () => {
  const heads: { headers: string[]; hasBody: boolean }[] = []
  const server = createServer((request, response) => {
    const asked = request as unknown as IncomingMessage
    heads.push({ headers: passedHeaders(asked), hasBody: hasBody(asked) })
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  for (const body of ['hello', '']) {
    const method = body ? 'POST' : 'GET'
    const stream = session.request(
      {
        ...{ ':method': method, ':path': '/', ':authority': 'shop.example' },
        ...{ cookie: ['a=1', 'b=2', 'c=3'], 'x-more': ['1', '2'] },
      },
      { endStream: body === '' },
    )
    if (body) stream.end(body)
    await once(stream.resume(), 'close')
  }
  session.destroy()
  server.close()
  const headers = [
    ...['cookie', 'a=1; b=2; c=3', 'x-more', '1', 'x-more', '2', 'Host', 'shop.example'],
  ]
  assert.deepEqual(heads, [
    { headers, hasBody: true },
    { headers, hasBody: false },
  ])
})

test('what frames a body is passed on, whatever Connection names', async () => {
  const request = {
    rawHeaders: [
      ...['Connection', 'close, Content-Length, X-Hop'],
      'Content-Length',
      '5',
      'X-Hop',
      '1',
    ],
    headers: { connection: 'close, Content-Length, X-Hop', host: 'shop.example' },
  }
  const passed = passedHeaders(request as unknown as IncomingMessage)
  assert.deepEqual(passed, ['Content-Length', '5'])
})
