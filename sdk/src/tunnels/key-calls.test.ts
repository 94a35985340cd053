import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { GantryError } from '../error.ts'
import { keyCalls } from './key-calls.ts'
import { isPassing, reasonOf } from './problems.ts'

async function serve(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
  return {
    calls: keyCalls({ url, accessToken: 'key' }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => assert.fail('it was answered'),
    (error: Error) => error,
  )

test('calls say who asks, and have members in their place', async () => {
  const seen: unknown[] = []
  await using server = await serve((request, response) => {
    void text(request).then((body) => {
      const { method, url, headers } = request
      seen.push([method, url, headers.authorization, headers['content-type'], body])
      response.end(body === '' ? '{"items":[]}' : '')
    })
  })
  const query = { name: 'a&b', limit: 5 }
  const list = await server.calls.GET('/api/v1/tunnels', { params: { query } })
  const params = { path: { id: 'a/b' } }
  const changed = await server.calls.PATCH('/api/v1/tunnels/{id}', {
    params,
    body: { config: { hostHeader: 'ü' } },
  })

  assert.deepEqual([list.data, changed.data], [{ items: [] }, undefined])
  assert.deepEqual(seen, [
    ['GET', '/api/api/v1/tunnels?name=a%26b&limit=5', 'Bearer key', undefined, ''],
    [
      'PATCH',
      '/api/api/v1/tunnels/a%2Fb',
      'Bearer key',
      'application/json',
      '{"config":{"hostHeader":"ü"}}',
    ],
  ])
})

test('a refusal is the error of the API, and one of something else says what it was', async () => {
  const problem = { code: 'tunnel.name_taken', status: 409, detail: 'shop is taken' }
  await using server = await serve((request, response) => {
    request.resume()
    response.statusCode = request.method === 'GET' ? 502 : 409
    response.end(request.method === 'GET' ? '<h1>Bad gateway</h1>' : JSON.stringify(problem))
  })
  const refused = await failureOf(
    server.calls.POST('/api/v1/tunnels', { body: { kind: 'http', endpoints: [] } as never }),
  )
  const foreign = await failureOf(server.calls.GET('/api/v1/tunnels'))

  assert.ok(refused instanceof GantryError && foreign instanceof GantryError)
  assert.deepEqual([refused.code, refused.detail], ['tunnel.name_taken', 'shop is taken'])
  assert.deepEqual(
    [foreign.code, foreign.detail],
    ['response.not_from_gantry', 'the answer was 502 Bad Gateway'],
  )
})

test('a server that hangs up, also in the midst of its answer, may be asked again', async () => {
  await using server = await serve((request, response) => {
    if (request.method === 'GET') return void request.socket.destroy()
    response.writeHead(200, { 'content-length': 100 }).write('{', () => request.socket.destroy())
  })
  const errors = [
    await failureOf(server.calls.GET('/api/v1/tunnels')),
    await failureOf(
      server.calls.PATCH('/api/v1/tunnels/{id}', { params: { path: { id: 'a' } } } as never),
    ),
  ]

  assert.ok(errors.every(isPassing))
  for (const error of errors) assert.match(reasonOf(error, {}), /^Gantry does not answer \(/)
})

test('a call ends with its signal', async () => {
  await using server = await serve(() => {})
  const signal = AbortSignal.timeout(50)
  const error = await failureOf(server.calls.GET('/api/v1/tunnels', { signal }))

  assert.equal(error.name, 'TimeoutError')
})

test('an agent loads nothing of fetch', async () => {
  const script = `
    const { TunnelAgent, keyCalls } = await import(process.argv[1])
    const calls = keyCalls({ url: 'http://127.0.0.1:1', accessToken: 'key' })
    const tunnels = [{ kind: 'http', target: 3000, name: 'shop' }]
    await new TunnelAgent(calls, { tunnels, exitOnFailure: true }).open().catch(() => {})
    await import(process.argv[2])
    console.log(process.moduleLoadList.filter((name) => name.includes('undici')).join())`
  const modules = ['./index.ts', './link.ts'].map((path) => new URL(path, import.meta.url).href)
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--input-type=module', '-e', script, ...modules],
  ])

  assert.equal(stdout.trim(), '')
})
