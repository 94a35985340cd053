import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { tunnelsOf } from './fixture.ts'
import { after, test } from 'node:test'
import { request } from 'undici'
import { eventually } from '#kernel/test-support.ts'
import { serveHttp, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

const serve = tunnelsOf(relay)

test('nobody is told of a tunnel that is not there, of one without an agent, or of a service that is not up', async () => {
  const asked = async (host: string, accept = '*/*') => {
    const { statusCode, headers, body } = await request(relay.url, { headers: { host, accept } })
    return { status: statusCode, headers, text: await body.text() }
  }
  const unknown = await asked('nothing.localhost')
  assert.deepEqual(
    [unknown.status, unknown.headers['gantry-tunnel-error']],
    [404, 'tunnel.unknown_host'],
  )
  assert.equal(JSON.parse(unknown.text).code, 'tunnel.unknown_host')

  relay.control.add('alone', [1])
  const alone = await asked('alone.localhost', 'text/html')
  assert.deepEqual([alone.status, alone.headers['gantry-tunnel-error']], [503, 'tunnel.no_agent'])
  assert.match(alone.text, /<html/)

  const service = await serveHttp(() => {})
  await service[Symbol.asyncDispose]()
  const spec = relay.control.add('down', [service.port])
  await using agent = await startAgent(relay, [spec])
  void agent
  const down = await asked('down.localhost')
  assert.deepEqual(
    [down.status, down.headers['gantry-tunnel-error']],
    [502, 'tunnel.service_refused'],
  )
  const product = await asked('127.0.0.1')
  assert.deepEqual([product.status, product.text], [200, 'the product'])
})

test('a visitor who goes ends the work of the service, and one whose service dies is not told that all is well', async () => {
  const gone = Promise.withResolvers<void>()
  await using shop = await serve('ends', (asked, answer) => {
    answer.write('x'.repeat(1000))
    if (asked.url === '/dies') return void setImmediate(() => asked.socket.destroy())
    answer.on('close', () => gone.resolve())
  })
  const leaving = await shop.ask('/')
  leaving.body.on('error', () => {}).destroy()
  await gone.promise
  const dying = await shop.ask('/dies')
  await assert.rejects(dying.body.text())
})

test('a request that was not given away is made elsewhere; one that may have arrived is not', async () => {
  let posts = 0
  const dead = await serveHttp(() => {})
  await dead[Symbol.asyncDispose]()
  await using dying = await serveHttp((asked) => {
    posts++
    asked.socket.destroy()
  })
  await using good = await serveHttp((asked, answer) => {
    asked.resume().on('end', () => answer.end('good'))
  })
  const spec = relay.control.add('several', [])
  const at = (port: number, priority: number) => ({
    ...{
      id: `tep_${port}`,
      url: `http://127.0.0.1:${port}`,
      agent: 'default',
      priority,
      weight: 1,
    },
  })
  const endpoints = [at(dead.port, 0), at(good.port, 1)]
  await using agent = await startAgent(relay, [
    relay.control.change(spec.id, { endpoints: [...endpoints, at(dying.port, 2)] }),
  ])
  void agent
  const post = async () => {
    const { statusCode, body } = await request(relay.url, {
      ...{ method: 'POST', body: 'once', headers: { host: 'several.localhost' } },
    })
    return [statusCode, await body.text()]
  }
  relay.control.change(spec.id, { endpoints })
  assert.deepEqual(await post(), [200, 'good'])

  relay.control.change(spec.id, { endpoints: [at(dying.port, 0), at(good.port, 1)] })
  const status = await eventually('the endpoints are new', async () => {
    const [status] = await post()
    return posts > 0 && status
  })
  assert.deepEqual([status, posts], [502, 1])
})

test('limits of the tunnel hold, and what is over is given back', async () => {
  const waiting: ServerResponse[] = []
  await using shop = await serve('limited', (_, answer) => void waiting.push(answer), {
    config: { maxConnections: 2 },
  })
  const first = [shop.ask('/'), shop.ask('/')]
  await eventually('both are there', () => waiting.length === 2)
  const third = await shop.ask('/')
  assert.deepEqual(
    [third.statusCode, third.headers['gantry-tunnel-error']],
    [429, 'tunnel.too_many_connections'],
  )
  await third.body.text()
  for (const answer of waiting) answer.end('done')
  for (const answer of await Promise.all(first)) await answer.body.text()
  await eventually('there is room', async () => {
    const asking = shop.ask('/')
    const arrived = await Promise.race([
      eventually('it comes', () => waiting.length > 2, 2_000).then(
        () => true,
        () => false,
      ),
      asking.then(() => false),
    ])
    if (arrived) for (const answer of waiting) answer.end()
    await (await asking).body.text()
    return arrived
  })
})

test('a service that says nothing is given up after its time', async () => {
  await using shop = await serve('silent', () => {}, { config: { timeoutSeconds: 1 } })
  const { statusCode, headers } = await shop.ask('/')
  assert.deepEqual([statusCode, headers['gantry-tunnel-error']], [504, 'tunnel.timeout'])
})
