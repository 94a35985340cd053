import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createClient } from '../../../sdk/src/index.ts'
import { openTunnel } from '../../../sdk/src/tunnels/index.ts'
import { eventually } from '#kernel/test-support.ts'
import { type Body, NodeFleet } from './node-fleet.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

const heads: (string | undefined)[] = []
const service = createServer(({ headers, url }, response) => {
  heads.push(headers.host)
  if (url === '/drip') return void response.write('first')
  response.setHeader('content-type', 'text/html')
  response.end('<title>The shop</title><h1>shop</h1>')
})
await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
stack.defer(async () => {
  service.closeAllConnections()
  service.close()
  await once(service, 'close')
})
const { port } = service.address() as AddressInfo

const fleet = stack.use(await NodeFleet.open({}, 'api,worker,relay'))
const node = await fleet.join()
const membership = join(node.home.path, 'keys', 'membership.json')
const gantry = createClient({ url: fleet.api.url, accessToken: fleet.token })
const agent = stack.use(
  await openTunnel(gantry, { kind: 'http', target: port, name: 'shop' }, { env: {} }),
)

async function look(session: Body, url: string): Promise<Body> {
  const { status, body } = await fleet.post(`/sessions/${session.id}/navigate`, { url })
  return status === 200 ? body : { status, title: body.detail }
}

test('T62: what a share has let in is cut on another machine too when it ends', async () => {
  const { id } = agent.tunnels[0]!
  const { body: bob } = await fleet.post('/auth/register', {
    ...{ email: 'bob@example.test', password: 'violet tractor nine umbrellas' },
  })
  const asBob = { authorization: `Bearer ${bob.accessToken}` }
  const { body: me } = await fleet.call('GET', '/users/me', undefined, asBob)
  const share = { kind: 'user', userId: me.id }
  const { body: shared } = await fleet.post(`/tunnels/${id}/shares`, share)
  const { body: given, status } = await fleet.post('/sessions', { tunnels: ['shop'] }, asBob)
  assert.equal(status, 201, JSON.stringify(given))
  const ask = (command: string, body: Body) =>
    fleet.post(`/sessions/${given.id}/${command}`, body, asBob)
  await eventually('the page is there', async () => {
    return (await ask('navigate', { url: 'http://shop.tunnel/' })).body.title === 'The shop'
  })
  const begun = await ask('execute', {
    script: `fetch('/drip').then(async ({ body }) => {
      const reader = body.getReader()
      await reader.read()
      window.gone = reader.read().then(() => 'ended', () => 'cut')
      return true
    })`,
  })
  assert.equal(begun.body.result, true, JSON.stringify(begun.body))
  await fleet.call('DELETE', `/tunnels/${id}/shares/${shared.id}`)
  assert.equal((await ask('execute', { script: 'gone' })).body.result, 'cut')
  await eventually('nothing new comes through', async () => {
    return (await ask('navigate', { url: 'http://shop.tunnel/' })).status === 502
  })
  await fleet.call('DELETE', `/sessions/${given.id}`, undefined, asBob)
})

test('a browser on another machine reaches a tunnel of its session, and no other session’s', async () => {
  const { body: given } = await fleet.post('/sessions', { tunnels: ['shop'] })
  assert.deepEqual(given.tunnels, [
    { id: agent.tunnels[0]!.id, name: 'shop', url: 'http://shop.tunnel/' },
  ])
  // The relay beside the API lets others in once it has heard that there are any.
  await eventually('the page is there', async () => {
    return (await look(given, 'http://shop.tunnel/')).title === 'The shop'
  })
  const { body: without } = await fleet.post('/sessions', {})
  assert.match((await look(without, 'http://shop.tunnel/')).title, /could not be resolved/)

  await fleet.post(`/tunnels/${agent.tunnels[0]!.id}/stop`)
  await eventually('a stopped tunnel serves nobody', async () => {
    return (await look(given, 'http://shop.tunnel/')).status !== 200
  })
  for (const { id } of [given, without]) await fleet.call('DELETE', `/sessions/${id}`)
})

test('T62: a route is told to the node of a session only, for tunnels of that session', async () => {
  const { body: given } = await fleet.post('/sessions', { tunnels: ['shop'] })
  const ask = (body: Body, headers = {}) => fleet.post('/node/tunnel-route', body, headers)
  const asUser = await ask({ sessionId: given.id, name: 'shop' })
  assert.deepEqual([asUser.status, asUser.body.code], [401, 'node.unauthenticated'])
  const { credential } = JSON.parse(await readFile(membership, 'utf8'))
  const asNode = { authorization: `Bearer ${credential}` }
  const own = await ask({ sessionId: given.id, name: 'shop' }, asNode)
  assert.notEqual(own.status, 401)
  const other = await ask({ sessionId: given.id, name: 'other' }, asNode)
  assert.deepEqual([other.status, other.body.code], [404, 'session.tunnel_unknown'])
  await fleet.call('DELETE', `/sessions/${given.id}`)
  const ended = await ask({ sessionId: given.id, name: 'shop' }, asNode)
  assert.deepEqual([ended.status, ended.body.code], [404, 'session.tunnel_unknown'])
})
