import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { createClient } from '../../../sdk/src/index.ts'
import { openTunnel } from '../../../sdk/src/tunnels/index.ts'
import { eventually } from '#kernel/test-support.ts'
import { appoint } from './accounts.ts'
import { type Person, startApp } from './app.ts'

// What an answer holds is the test's to know.
// oxlint-disable-next-line typescript/no-explicit-any
type Body = any

// No private address is open to pages: what they reach of this machine, they reach by a tunnel.
const app = await startApp({
  browsers: true,
  env: { ROLES: 'api,worker,node,relay', EGRESS_ALLOW: '' },
})
const stack = new AsyncDisposableStack()
after(async () => {
  await stack.disposeAsync()
  await app[Symbol.asyncDispose]()
})

/** A local service that nobody reaches but by its tunnel. */
class Service implements AsyncDisposable {
  readonly heads: IncomingMessage[] = []
  readonly #server = createServer((request, response) => {
    this.heads.push(request)
    if (request.url === '/away') {
      return void response.writeHead(302, { location: `http://127.0.0.1:${this.port}/` }).end()
    }
    if (request.url === '/echo') return void request.pipe(response)
    if (request.url === '/drip') return void response.write('first')
    response.setHeader('content-type', 'text/html')
    response.end('<title>The shop</title><h1>shop</h1>')
  })
  readonly #sockets = new WebSocketServer({ server: this.#server })

  static async open(): Promise<Service> {
    const service = new Service()
    service.#sockets.on('connection', (socket) => {
      socket.on('message', (told) => socket.send(`heard ${String(told)}`))
    })
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve))
    return service
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get open(): number {
    return this.#sockets.clients.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

const service = stack.use(await Service.open())
const ann = await app.person('ann')
const name = app.unique('shop')

async function hold(person: Person, name: string) {
  const gantry = createClient({ url: app.url, accessToken: person.accessToken })
  return stack.use(
    await openTunnel(gantry, { kind: 'http', target: service.port, name }, { env: {} }),
  )
}
const agent = await hold(ann, name)
const tunnelId = agent.tunnels[0]!.id

/** A session that is ended with the test at the latest. */
async function session(person: Person, wish: Body = {}): Promise<Body> {
  const { status, body } = await person.post('/v1/sessions', wish)
  assert.equal(status, 201, JSON.stringify(body))
  const end = () => person.delete(`/v1/sessions/${body.id}`)
  return { ...body, end, [Symbol.asyncDispose]: end }
}

const navigate = (person: Person, { id }: Body, url: string) =>
  person.post(`/v1/sessions/${id}/navigate`, { url })

/** What its page shows: the status of the answer, and the words. */
async function look(person: Person, given: Body, url: string) {
  const { status, body } = await navigate(person, given, url)
  if (status !== 200) return { status, said: `${body.code}: ${body.detail}` }
  const said = await run(person, given, 'document.body.innerText')
  return { status: Number(body.status), said: String(said) }
}

async function run(person: Person, { id }: Body, script: string): Promise<Body> {
  const { status, body } = await person.post(`/v1/sessions/${id}/execute`, { script })
  assert.equal(status, 200, JSON.stringify(body))
  return body.result
}

test('a session reaches the tunnels that it was given, whatever public policy they have, and says which', async () => {
  const shut = await ann.put(`/v1/tunnels/${tunnelId}/access`, { policy: 'members' })
  assert.equal(shut.status, 200, JSON.stringify(shut.body))
  await using given = await session(ann, { tunnels: [name, tunnelId] })
  assert.deepEqual(given.tunnels, [{ id: tunnelId, name, url: `http://${name}.tunnel/` }])
  const { status, body } = await navigate(ann, given, `http://${name.toUpperCase()}.tunnel/`)
  assert.deepEqual([status, body.title], [200, 'The shop'], JSON.stringify(body))
  const head = service.heads.at(-1)!
  assert.equal(head.headers.host, `${name}.tunnel`)
  const echoed = await run(
    ann,
    given,
    `fetch('/echo', { method: 'POST', body: 'x'.repeat(300000) }).then((answer) => answer.text())`,
  )
  assert.equal(echoed, 'x'.repeat(300_000))
  const heard = await run(
    ann,
    given,
    `new Promise((resolve, reject) => {
      const socket = new WebSocket('ws://${name}.tunnel/live')
      socket.onopen = () => socket.send('milk')
      socket.onmessage = ({ data }) => resolve(data)
      socket.onerror = () => reject(new Error('no socket'))
    })`,
  )
  assert.equal(heard, 'heard milk')
})

test('T62: a name below .tunnel is an unknown host for a session that was not given it', async () => {
  const before = service.heads.length
  await using without = await session(ann)
  const own = await look(ann, without, `http://${name}.tunnel/`)
  const unknown = await look(ann, without, 'http://nothing.invalid/')
  assert.equal(own.status, 502)
  assert.deepEqual(
    { ...own, said: own.said.replaceAll(`${name}.tunnel`, 'nothing.invalid') },
    unknown,
  )
  await using given = await session(ann, { tunnels: [name] })
  for (const host of [
    `${name}.tunnel.evil.invalid`,
    `x.${name}.tunnel`,
    'other.tunnel',
    'tunnel',
  ]) {
    const { status, said } = await look(ann, given, `http://${host}/`)
    assert.deepEqual([host, status], [host, 502], said)
    assert.match(said, /could not be resolved/)
  }
  assert.equal(service.heads.length, before)
})

test('https and other ports of a tunnel are refused with what to do', async () => {
  await using given = await session(ann, { tunnels: [name] })
  const secure = await look(ann, given, `https://${name}.tunnel/`)
  assert.match(secure.said, new RegExp(`Use http://${name}.tunnel/`))
  const port = await look(ann, given, `http://${name}.tunnel:8080/`)
  assert.equal(port.status, 403)
  assert.match(port.said, /port 80 only/)
})

test('a tunnel opens no other way: a redirect from it to a private address is refused', async () => {
  await using given = await session(ann, { tunnels: [name] })
  const { status, said } = await look(ann, given, `http://${name}.tunnel/away`)
  assert.equal(status, 403)
  assert.match(said, /127\.0\.0\.1: it is not a public address/)
  assert.ok(!service.heads.some(({ headers }) => headers.host?.startsWith('127.0.0.1')))
})

test('the session’s own lists: a denied tunnel stays shut, and an allowed list needs no entry for it', async () => {
  const url = `http://${name}.tunnel/`
  await using open = await session(ann, { tunnels: [name], egress: { allow: ['example.com'] } })
  assert.equal((await look(ann, open, url)).status, 200)
  const other = await look(ann, open, 'http://other.tunnel/')
  assert.match(other.said, /allow other hosts only/)
  await using shut = await session(ann, { tunnels: [name], egress: { deny: ['*.tunnel'] } })
  assert.match((await look(ann, shut, url)).said, /deny it/)
  const change = (egress: Body) => ann.patch(`/v1/sessions/${open.id}`, { egress })
  assert.equal((await change({ deny: ['x.example'] })).status, 200)
  assert.equal((await look(ann, open, url)).status, 200)
  assert.equal((await change({ deny: [`${name}.tunnel`] })).status, 200)
  assert.match((await look(ann, open, url)).said, /deny it/)
})

test('T62: a tunnel of others is not there until it is shared, and is cut when that ends', async () => {
  const bob = await app.person('bob')
  const foreign = await bob.post('/v1/sessions', { tunnels: [name] })
  assert.deepEqual([foreign.status, foreign.body.code], [404, 'tunnel.not_found'])
  const byId = await bob.post('/v1/sessions', { tunnels: [tunnelId] })
  assert.deepEqual([byId.status, byId.body.code], [404, 'tunnel.not_found'])
  const shared = await ann.post(`/v1/tunnels/${tunnelId}/shares`, {
    ...{ kind: 'account', accountId: bob.accountId, permission: 'use' },
  })
  assert.equal(shared.status, 201, JSON.stringify(shared.body))
  await using given = await session(bob, { tunnels: [name] })
  assert.equal((await look(bob, given, `http://${name}.tunnel/`)).status, 200)
  await run(
    bob,
    given,
    `new Promise((resolve) => {
      window.socket = new WebSocket('ws://${name}.tunnel/live')
      socket.onopen = resolve
      window.gone = new Promise((done) => { socket.onclose = () => done('gone') })
    }).then(() => true)`,
  )
  const startedMs = performance.now()
  const shareId = shared.body.id ?? shared.body.share?.id
  const revoked = await ann.delete(`/v1/tunnels/${tunnelId}/shares/${shareId}`)
  assert.ok(revoked.status < 300, JSON.stringify(revoked.body))
  assert.equal(await run(bob, given, 'gone'), 'gone')
  await eventually('nothing new comes through', async () => {
    return (await look(bob, given, `http://${name}.tunnel/`)).status === 502
  })
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < 15_000, `${tookMs} ms`)
})

/** A member of the staff who acts as ann. */
async function lentByAnn(): Promise<Record<string, string>> {
  const sue = await app.person('sue')
  await appoint(app, sue, 'support')
  const path = `/v1/admin/users/${ann.userId}/impersonate`
  const { body: lent } = await sue.post(path, { reason: 'Ticket 4711' })
  return { authorization: `Bearer ${lent.accessToken}` }
}

test('staff who act as somebody reach no tunnel of theirs, though they may start browsers', async () => {
  const headers = await lentByAnn()
  const made = await app.request('POST', '/v1/sessions', { headers, body: { tunnels: [name] } })
  assert.deepEqual([made.status, made.body.code], [403, 'auth.not_as_another'])
  const content = { url: `http://${name}.tunnel/`, tunnels: [name] }
  const shown = await app.request('POST', '/v1/content', { headers, body: content })
  assert.deepEqual([shown.status, shown.body.code], [403, 'auth.not_as_another'])
})

test('staff who act as somebody drive their sessions, but none that has tunnels: that they may watch', async () => {
  const headers = await lentByAnn()
  await using private_ = await session(ann, { tunnels: [name] })
  await using plain = await session(ann)
  const { heads } = service
  const before = heads.length
  const call = (method: string, id: string, what: string, body?: object) =>
    app.request(method, `/v1/sessions/${id}/${what}`, { headers, ...(body && { body }) })
  const url = `http://${name}.tunnel/`
  const commands = [
    ['navigate', { url }],
    ['execute', { script: `fetch('${url}').then((answer) => answer.text())` }],
    ['screenshot', {}],
    ['batch', { commands: [{ type: 'navigate', url }] }],
    ['control', { force: true }],
  ] as const
  for (const [what, body] of commands) {
    const { status, body: said } = await call('POST', private_.id, what, body)
    assert.deepEqual([status, said.code], [403, 'session.tunnels_private'], what)
  }
  assert.equal((await call('GET', private_.id, 'control')).status, 200)
  assert.equal((await call('POST', plain.id, 'execute', { script: '1 + 1' })).body.result, 2)
  assert.equal(heads.length, before, 'nothing came to the service')
  for (const [id, mayControl] of [
    [private_.id, false],
    [plain.id, true],
  ]) {
    const address = `${app.url.replace('http', 'ws')}/api/v1/sessions/${id}/live`
    const viewer = new WebSocket(address, { headers })
    try {
      const [hello] = (await once(viewer, 'message')) as [Buffer]
      assert.equal(JSON.parse(hello.toString()).you.mayControl, mayControl)
    } finally {
      viewer.terminate()
    }
  }
})

test('the end of a session ends what it has open', async () => {
  const given = await session(ann, { tunnels: [name] })
  await navigate(ann, given, `http://${name}.tunnel/`)
  await run(
    ann,
    given,
    `new Promise((resolve) => {
      window.socket = new WebSocket('ws://${name}.tunnel/live')
      socket.onopen = () => resolve(true)
    })`,
  )
  const before = service.open
  await given.end()
  await eventually('its socket is closed', () => service.open === before - 1)
})

test('a tunnel that nobody holds open is said to be offline', async () => {
  const idle = app.unique('idle')
  const made = await ann.post('/v1/tunnels', { name: idle })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  await using given = await session(ann, { tunnels: [idle] })
  const { status, said } = await look(ann, given, `http://${idle}.tunnel/`)
  assert.equal(status, 586)
  assert.match(said, /Nobody holds the tunnel/)
})

test('what cannot be given is refused when the session is made', async () => {
  const tcp = await ann.post('/v1/tunnels', { name: app.unique('db'), kind: 'tcp' })
  assert.equal(tcp.status, 201, JSON.stringify(tcp.body))
  const asTcp = await ann.post('/v1/sessions', { tunnels: [tcp.body.id] })
  assert.deepEqual([asTcp.status, asTcp.body.code], [422, 'tunnel.not_http'])
  const many = await ann.post('/v1/sessions', { tunnels: Array(9).fill(name) })
  assert.equal(many.status, 400)
  const shot = await ann.post('/v1/content', {
    ...{ url: `http://${name}.tunnel/`, tunnels: [name] },
  })
  assert.equal(shot.status, 200, JSON.stringify(shot.body))
  assert.match(String(shot.body), /<h1>shop/)
})
