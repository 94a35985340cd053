import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import pino from 'pino'
import { generate } from 'selfsigned'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { Cable } from '#test/cable.ts'
import { ed25519Signer } from '#kernel/jws.ts'
import { signServiceToken, readServiceToken, trustKeys } from '#kernel/service-token.ts'
import { problems } from '../problems.ts'
import { NodeServer } from './node-server.ts'
import type { NodeSessions } from './node-sessions.ts'
import { RemoteNode } from './remote-node.ts'
import type { FeedEvent, FeedKind } from '../watch/feed.ts'
import {
  type FollowOptions,
  NodeFull,
  NotOnNode,
  type RawUpgrade,
  type SocketGrant,
} from './session-node.ts'

const ID = `ses_${'0'.repeat(25)}1`
const OTHER = `ses_${'0'.repeat(25)}2`
const AUDIENCE = 'ins_this'
const log = pino({ level: 'silent' })
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

const keys = generateKeyPairSync('ed25519')
const strangers = generateKeyPairSync('ed25519')
const trusted = trustKeys([
  { ...keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA' },
])
const makeCertificate = async () => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'x' }])
  return { cert, key }
}
const tls = await makeCertificate()
const fingerprintOf = (cert: string) => new X509Certificate(cert).fingerprint256

/** What the sessions behind the server have been asked; each call answers with what the test wants. */
const asked: { name: string; headers?: Record<string, unknown> }[] = []
let answer: (input: unknown) => unknown = (input) => input
/** Who follows a session; what is told now is told to all of them. */
const followers = new Set<{ after: number | undefined; tell: (event: FeedEvent) => void }>()
const POSITION = 700
const echo = new WebSocketServer({ noServer: true })
echo.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
const sessions = {
  call: async (_id: string, name: string, input: unknown) => (asked.push({ name }), answer(input)),
  open: async () => answer(undefined),
  get: () => ({}),
  watch: () => undefined,
  follow: async (_id: string, { after }: FollowOptions, tell: (event: FeedEvent) => void) => {
    const follower = { after, tell }
    followers.add(follower)
    return { from: after ?? POSITION, [Symbol.dispose]: () => followers.delete(follower) }
  },
  connect: async (_id: string, { request, socket, head }: RawUpgrade, grant: SocketGrant) => {
    asked.push({ name: grant.kind, headers: request.headers })
    const closed = once(socket, 'close')
    echo.handleUpgrade(request as never, socket, head, (open) => echo.emit('connection', open))
    return { close: () => void socket.destroy(), closed }
  },
} as unknown as NodeSessions

const server = stack.use(
  await NodeServer.open(
    {
      ...{ sessions, log, tls },
      subjectOf: (token) => readServiceToken(trusted, token, AUDIENCE, Date.now() / 1000)?.sub,
    },
    '127.0.0.1',
    0,
  ),
)
const url = `https://127.0.0.1:${server.port}`

interface TokenWish {
  sub?: string
  aud?: string
  ageSeconds?: number
  privateKey?: KeyObject
}

function tokenOf({
  sub = ID,
  aud = AUDIENCE,
  ageSeconds = 0,
  ...wish
}: TokenWish = {}): Promise<string> {
  const { privateKey = keys.privateKey } = wish
  const signer = ed25519Signer('k1', privateKey)
  return signServiceToken(signer, { aud, sub }, Date.now() / 1000 - ageSeconds)
}

function remote(options: Partial<ConstructorParameters<typeof RemoteNode>[0]> = {}): RemoteNode {
  return stack.use(
    new RemoteNode({
      ...{ instanceId: AUDIENCE, url, log, fingerprint: fingerprintOf(tls.cert) },
      ...{ tokenFor: (sub) => tokenOf({ sub }), free: () => 3, ...options },
    }),
  )
}

const holder = { kind: 'program', id: 'usr_x' } as const
const call = (node: RemoteNode, input: unknown = {}) => node.call(ID, 'state', input, { holder })
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: { code?: string }) => error.code,
  )

test('a call without a token that counts now, here and for this session is answered with 401', async () => {
  const statusWith = async (authorization?: string, path = `/sessions/${ID}/call`) => {
    const sent = httpsRequest(url + path, {
      ...{ method: 'POST', rejectUnauthorized: false, agent: false },
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    })
    sent.end(JSON.stringify({ name: 'state', input: {}, holder }))
    const [response] = await once(sent, 'response')
    response.resume()
    return response.statusCode
  }
  const bearer = async (wish?: TokenWish) => `Bearer ${await tokenOf(wish)}`
  assert.equal(await statusWith(await bearer()), 200)
  const [header, payload, signature] = (await tokenOf()).split('.')
  const none = Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')
  const bad = [
    undefined,
    'Bearer nonsense',
    await tokenOf(),
    `Basic ${await tokenOf()}`,
    await bearer({ sub: OTHER }),
    await bearer({ aud: 'ins_other' }),
    await bearer({ ageSeconds: 120 }),
    await bearer({ ageSeconds: -120 }),
    await bearer({ privateKey: strangers.privateKey }),
    `Bearer ${none}.${payload}.${signature}`,
    `Bearer ${none}.${payload}.`,
    `Bearer ${header}.${payload}.${signature}A`,
  ]
  for (const one of bad) assert.equal(await statusWith(one), 401, one)
  assert.equal(await statusWith(await bearer(), `/sessions/${OTHER}/call`), 401)
  assert.equal(await statusWith(await bearer(), `/sessions/${ID}/../${OTHER}/call`), 401)
  assert.equal(await statusWith(await bearer(), '/'), 401)
})

test('results and refusals come over as they are: values, bytes, nothing, problems', async () => {
  const node = remote()
  for (const value of [{ a: [1, null, 'ü'] }, [], 'text', 0, null]) {
    answer = () => value
    assert.deepEqual(await call(node), value)
  }
  answer = () => undefined
  assert.equal(await call(node), undefined)
  const bytes = Buffer.alloc(3_000_000, 7)
  answer = () => ({ bytes, url: 'x'.repeat(100_000), width: 3 })
  assert.deepEqual(await call(node), { bytes, url: 'x'.repeat(100_000), width: 3 })
  answer = () => {
    throw problems.selectorNotFound({ selector: '#a', timeoutMs: 5, retryAfterSeconds: 2 })
  }
  await assert.rejects(
    call(node),
    (error: InstanceType<typeof Error> & { status: number; facts: object }) => {
      const { status, message, facts } = error
      assert.deepEqual([status, message], [422, 'No element matched #a within 5 ms.'])
      assert.equal((facts as { retryAfterSeconds: number }).retryAfterSeconds, 2)
      return true
    },
  )
  answer = () => {
    throw new NotOnNode(ID)
  }
  await assert.rejects(call(node), NotOnNode)
  answer = () => {
    throw new Error('odd')
  }
  await assert.rejects(call(node), /the node failed: odd/)
  answer = (input) => input
})

test('calls at once go over connections of their own, each to the certificate that is known', async () => {
  const node = remote()
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => call(node, index)))
    assert.deepEqual(answers, [...Array(20).keys()])
  }
})

const KINDS: ReadonlySet<FeedKind> = new Set(['console'])

test(
  'however many sessions are followed, calls do not wait for them',
  { timeout: 180_000 },
  async () => {
    const node = remote()
    const follow = () => node.follow(ID, { kinds: KINDS }, () => {})
    // A few at a time: a hundred handshakes at once are more than a busy machine does in time.
    const all = []
    while (all.length < 100) all.push(...(await Promise.all(Array.from({ length: 10 }, follow))))
    assert.equal(await call(node, 1), 1)
    for (const one of all.slice(0, 50)) one[Symbol.dispose]()
    await eventually('half of them follow', () => followers.size === 50)
    await node[Symbol.asyncDispose]()
    await eventually('nobody follows', () => followers.size === 0)
  },
)

test('who follows knows from where, and goes on from there when the connection breaks before the first event', async () => {
  const cable = stack.use(await Cable.to(() => server.port))
  const node = remote({ url: `https://127.0.0.1:${cable.port}` })
  const told: number[] = []
  using following = await node.follow(ID, { kinds: KINDS }, ({ id }) => told.push(id))
  assert.equal(following.from, POSITION)
  const follower = () => [...followers].at(-1)
  for (const after of [POSITION, POSITION + 3]) {
    cable.cut()
    await eventually('it follows again', () => follower()?.after === after)
    follower()!.tell({ id: after + 3, at: '', kind: 'console', data: {} })
    await eventually('it is told', () => told.at(-1) === after + 3)
  }
})

test('a client that goes away takes its call along', async () => {
  const gone = new AbortController()
  const begun = Promise.withResolvers<void>()
  answer = () => (begun.resolve(), new Promise(() => {}))
  const calling = remote().call(ID, 'state', {}, { holder, signal: gone.signal })
  await begun.promise
  gone.abort(new Error('the client went away'))
  await assert.rejects(calling, /went away/)
  answer = (input) => input
})

test('a node with another certificate is told nothing', async () => {
  const { cert, key } = await makeCertificate()
  let heard = 0
  const impostor = createServer({ cert, key }, (_request, response) => response.end('{}'))
  impostor.on('secureConnection', (socket) => socket.on('data', (chunk) => (heard += chunk.length)))
  impostor.listen(0, '127.0.0.1')
  await once(impostor, 'listening')
  stack.defer(() => void impostor.close())
  const { port } = impostor.address() as AddressInfo
  const node = remote({ url: `https://127.0.0.1:${port}` })
  assert.equal(await codeOf(call(node)), 'session.unreachable')
  const socket = {} as RawUpgrade['socket']
  const upgrade = { request: { headers: {} }, socket, head: Buffer.alloc(0) }
  const grant: SocketGrant = { kind: 'cdp', policy: 'driver', holder, generation: 1 }
  assert.equal(await codeOf(node.connect(ID, upgrade, grant)), 'session.unreachable')
  assert.equal(heard, 0)
  const spec = { id: ID } as Parameters<RemoteNode['open']>[0]
  await assert.rejects(node.open(spec), NodeFull, 'another machine may take it')
  assert.equal(node.free, 0, 'and it is left alone for a moment')
})

test('a node that does not take our word, or that nobody hears, cannot be reached', async () => {
  const stranger = remote({ tokenFor: (sub) => tokenOf({ sub, privateKey: strangers.privateKey }) })
  assert.equal(await codeOf(call(stranger)), 'session.unreachable')
  const nobody = remote({ url: 'https://127.0.0.1:1' })
  assert.equal(await codeOf(call(nobody)), 'session.unreachable')
})

/**
 * In how many seconds each open connection of these ports is probed, as Linux has it. The client's own end, which is not ours, is left
 * out: of the near port only the end that listens counts.
 */
async function probesOf([near, far]: number[]): Promise<number[]> {
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1)
  return lines.flatMap((line) => {
    const [, local, remote, state, , timer] = line.trim().split(/\s+/)
    const portOf = (address = '') => parseInt(address.split(':')[1]!, 16)
    const isOurs = [near, far].includes(portOf(local)) || portOf(remote) === far
    if (state !== '01' || !isOurs) return []
    const [kind, ticks = ''] = timer!.split(':')
    return [kind === '02' ? parseInt(ticks, 16) / 100 : Infinity]
  })
}

test('a client’s upgrade goes through, and nothing that it says beside its handshake', async () => {
  const node = remote()
  const grant: SocketGrant = { kind: 'cdp', policy: 'observer', holder, generation: 1 }
  const near = createHttpServer()
  near.on('upgrade', (request, socket, head) => {
    void node.connect(ID, { request, socket, head }, grant)
  })
  near.listen(0, '127.0.0.1')
  await once(near, 'listening')
  stack.defer(() => void near.close())
  const { port } = near.address() as AddressInfo
  asked.length = 0
  const forged = Buffer.from(JSON.stringify({ ...grant, kind: 'live' })).toString('base64url')
  const socket = new WebSocket(`ws://127.0.0.1:${port}/cdp`, {
    headers: {
      'x-gantry-grant': forged,
      'X-Forwarded-For': '10.0.0.1',
      ...{ authorization: 'Bearer mine', cookie: 'a=b', origin: 'https://evil.example' },
    },
  })
  await once(socket, 'open')
  const said = once(socket, 'message')
  socket.send('x'.repeat(200_000))
  assert.equal(String((await said)[0]).length, 200_000)
  const ports = [port, server.port]
  await eventually('every end is probed soon', async () => {
    const ends = (await probesOf(ports)).map((seconds) => seconds <= 10)
    return ends.length >= 3 && ends.every(Boolean)
  })
  const [{ name, headers }] = asked as [{ name: string; headers: Record<string, string> }]
  assert.equal(name, 'cdp', 'the grant is ours')
  const known = ['connection', 'host', 'upgrade', 'sec-websocket-extensions', 'sec-websocket-key']
  assert.deepEqual(Object.keys(headers).toSorted(), [...known, 'sec-websocket-version'].toSorted())
  const closed = once(socket, 'close')
  await node[Symbol.asyncDispose]()
  await closed
})
