import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server, lineOf, isProblem, ask, refusals, logged } from './trial-fixture.ts'

test('every kind of refusal is a problem with its code', async () => {
  const send = (method: string, path: string, options = {}) => server.request(method, path, options)
  isProblem(await send('GET', '/v1/nowhere'), 404, 'request.not_found')
  isProblem(await send('GET', '/v1/closed'), 401, 'auth.unauthenticated')
  isProblem(await send('GET', '/v1/closed', { as: 'eve' }), 401, 'auth.unauthenticated')
  isProblem(await send('GET', '/v1/guarded', { as: 'ann' }), 403, 'auth.forbidden')
  isProblem(await send('GET', '/v1/things?x=1'), 400, 'request.invalid')
  isProblem(await send('POST', '/v1/things', { body: [] }), 400, 'request.invalid')
  const large = { body: { name: 'x'.repeat(1024 * 1024) } }
  isProblem(await send('POST', '/v1/things', large), 413, 'request.too_large')
  const unauthenticated = await send('GET', '/v1/closed')
  assert.equal(unauthenticated.headers.get('www-authenticate'), 'Bearer')
})

test('a method that a path does not take is told those that it takes', async () => {
  for (const method of ['DELETE', 'PUT', 'OPTIONS']) {
    const answer = await server.request(method, '/v1/things')
    isProblem(answer, 405, 'request.method_not_allowed')
    assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST')
  }
  isProblem(await server.request('OPTIONS', '/v1/nowhere'), 404, 'request.not_found')
})

test('a body is JSON by its content type, or refused', async () => {
  const post = async (type: string, body = '{"name":"a"}') => {
    const options = { method: 'POST', body: Buffer.from(body), headers: { 'content-type': type } }
    return (await fetch(`${server.url}/v1/things`, options)).status
  }
  assert.equal(await post('application/json'), 204)
  assert.equal(await post('application/json; charset=utf-8'), 204)
  for (const type of [
    ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
    ...['application/jsonp', 'application/problem+json', 'application/json\ta', 'json', '*/*'],
  ]) {
    assert.equal(await post(type), 415, type)
  }
  const untyped = { method: 'POST', body: Buffer.from('{"name":"a"}') }
  assert.equal((await fetch(`${server.url}/v1/things`, untyped)).status, 415)
  assert.equal(await post('application/json', ''), 400)
})

test('what is wrong is named by its path, and each thing at once', async () => {
  const body = { name: 5, other: 1, inner: { n: 'x', deep: 1 } }
  const { body: problem } = await server.request('POST', '/v1/things', { body })
  const paths = problem.errors.map(({ path }: { path: string }) => path)
  assert.deepEqual(paths.sort(), ['body', 'body.inner', 'body.inner.n', 'body.name'])
})

test('a route that takes no body refuses members that it would not read', async () => {
  const send = (body?: unknown) => server.request('POST', '/v1/plain', { body })
  assert.equal((await send()).status, 204)
  assert.equal((await send({})).status, 204)
  for (const body of [{ more: 1 }, [], 'x', null]) {
    isProblem(await send(body), 400, 'request.invalid')
  }
})

test('what went wrong inside is logged and not told', async () => {
  const answer = await ask('/v1/broken')
  isProblem(answer, 500, 'server.error')
  assert.doesNotMatch(JSON.stringify(answer.body), /select|accounts|srv|why/)
  const line = await lineOf(answer.body.correlationId, 'request failed')
  assert.equal(line.level, 'error')
  assert.match(line.err.message, /select \* from accounts/)
})

test('members that the schema does not name are not sent', async () => {
  assert.deepEqual((await ask('/v1/things?name=a')).body, { name: 'a' })
})

test('a refusal is logged as loud as its kind says, and else by its status', async () => {
  const levels: Record<string, string | undefined> = {}
  for (const name of Object.keys(refusals)) {
    await server.request('GET', `/v1/refuses/${name}`, {
      headers: { 'x-correlation-id': `loud-${name}` },
    })
    await lineOf(`loud-${name}`)
    const told = logged()
      .split('\n')
      .filter((line) => line.includes(`"loud-${name}"`) && line.includes('"problem"'))
      .map((line) => JSON.parse(line))
    assert.ok(told.length <= 1)
    levels[name] = told[0]?.level
  }
  assert.deepEqual(levels, { ours: 'error', site: 'info', load: 'warn', client: undefined })
})
