import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import { generate } from 'selfsigned'
import { eventually, keptMib } from '#kernel/test-support.ts'
import { serve, startAgent, startRelay } from '../fixture.ts'
import { encode, FRAMES, RawHttp2 } from './test-http2.ts'

const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
})
const tls = { cert: Buffer.from(cert), key: Buffer.from(key) }
const relay = await startRelay(undefined, { tls })
after(() => relay[Symbol.asyncDispose]())
const heard: string[] = []
const service = await serve(
  createServer((asked, answer) => {
    heard.push(`${asked.method} ${asked.url} ${asked.rawHeaders.join(' ')}`)
    if (asked.url === '/slow') return
    asked.resume().once('end', () => answer.end('served'))
  }),
)
after(() => service[Symbol.asyncDispose]())
const agent = await startAgent(relay, [relay.control.add('wild', [service.port])], { ca: cert })
after(() => agent[Symbol.asyncDispose]())

const visitor = () => RawHttp2.connect(relay.port, 'wild.localhost')
const underWay = () => relay.relay.facts.streams

type Field = [name: string, value: string]
const PLAIN: Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'wild.localhost'],
  [':path', '/'],
]

/** The fields of a request, with others in their place or beside them. */
function fields(given: Field[] = [], without: string[] = []): Field[] {
  const replaced = new Set([...given.map(([name]) => name), ...without])
  const kept = PLAIN.filter(([name]) => !replaced.has(name))
  const [pseudo, plain] = [given.filter(isPseudo), given.filter((field) => !isPseudo(field))]
  return [...kept, ...pseudo, ...plain]
}

function isPseudo([name]: Field): boolean {
  return name.startsWith(':')
}

async function serves(): Promise<void> {
  await using other = await visitor()
  other.request(1, fields([[':path', '/well']]))
  await other.hears(1, FRAMES.headers)
}

test('T47: what HTTP/2 could smuggle into a request of HTTP/1 reaches no service', async () => {
  const bad: Record<string, Field[]> = {
    'a path with a line in it': fields([[':path', '/ HTTP/1.1\r\nX-Smuggled: 1\r\n\r\n']]),
    'a path with a space': fields([[':path', '/smuggled HTTP/1.1']]),
    'a path with a tab': fields([[':path', '/smuggled\tx']]),
    'no path': fields([[':path', '']]),
    'a path of another host': fields([[':path', 'http://smuggled.localhost/']]),
    'a path that is none': fields([[':path', 'smuggled']]),
    'a method with a line in it': fields([
      [':method', 'GET /smuggled HTTP/1.1\r\nX: y\r\n\r\nGET'],
    ]),
    'a method with a space': fields([[':method', 'GET /smuggled']]),
    'a method of nobody': fields([[':method', 'SMUGGLED']]),
    TRACE: fields([[':method', 'TRACE']]),
    TRACK: fields([[':method', 'TRACK']]),
    CONNECT: [
      [':method', 'CONNECT'],
      [':authority', 'wild.localhost'],
    ],
    'CONNECT with a protocol': fields([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
    ]),
    'a host with a login': fields([[':authority', 'smuggled@wild.localhost']]),
    'a host with a path': fields([[':authority', 'wild.localhost/smuggled']]),
    'a host with a space': fields([[':authority', 'wild.localhost smuggled']]),
    'another host beside': fields([['host', 'smuggled.localhost']]),
    'two authorities': [...PLAIN, [':authority', 'smuggled.localhost']],
    'two paths': [...PLAIN, [':path', '/smuggled']],
    'two methods': [...PLAIN, [':method', 'POST']],
    'no method': fields([], [':method']),
    'no scheme': fields([], [':scheme']),
    'a pseudo-header that is none': fields([[':smuggled', '1']]),
    'a pseudo-header of an answer': fields([[':status', '200']]),
    'a pseudo-header after a header': [...PLAIN.slice(0, 3), ['x', 'y'], [':path', '/smuggled']],
    'a name in capitals': fields([['X-Smuggled', '1']]),
    'a transfer encoding': fields([
      ['transfer-encoding', 'chunked'],
      ['x', 'smuggled'],
    ]),
    'a connection': fields([
      ['connection', 'close'],
      ['x', 'smuggled'],
    ]),
    'a wish to upgrade': fields([
      ['upgrade', 'websocket'],
      ['x', 'smuggled'],
    ]),
    'another te': fields([
      ['te', 'chunked'],
      ['x', 'smuggled'],
    ]),
    'two lengths': fields([
      ['content-length', '4'],
      ['content-length', '5'],
      ['x', 'smuggled'],
    ]),
    'a length that is none': fields([
      ['content-length', '+4'],
      ['x', 'smuggled'],
    ]),
    'a length without a body': fields([
      ['content-length', '4'],
      ['x', 'smuggled'],
    ]),
  }
  heard.length = 0
  for (const [what, head] of Object.entries(bad)) {
    await using raw = await visitor()
    raw.request(1, head)
    await raw.hears(1, FRAMES.headers, FRAMES.reset, FRAMES.goAway)
    assert.notEqual(raw.statusOf(1), 200, what)
  }
  assert.deepEqual(heard, [])
  await serves()
})

test('T47: a field that could not stand in HTTP/1 is left out, and what is no ASCII stays what it is', async () => {
  const dropped: Field[] = [
    ['x\r\nx-smuggled', '1'],
    ['x-smuggled: 1\r\nx', '1'],
    ['x-smuggled ', '1'],
    ['', 'smuggled'],
    ['x', 'y\r\nX-Smuggled: 1'],
    ['x', 'y\nX-Smuggled: 1'],
    ['x', 'smuggled\0'],
  ]
  // In UTF-8 these are letters whose last bytes are CR and LF.
  const letters = '\xc4\x8d\xc4\x8ax'
  heard.length = 0
  for (const field of dropped) {
    await using raw = await visitor()
    raw.request(1, fields([field, ['x-kept', letters]]))
    await raw.hears(1, FRAMES.headers)
    assert.equal(raw.statusOf(1), 200, field.join())
  }
  assert.deepEqual(
    heard.filter((line) => /smuggled/i.test(line) || !line.includes(` x-kept ${letters} `)),
    [],
  )
})

test('T48: requests that are taken back at once, thousands of them, leave nothing behind', async () => {
  await using raw = await visitor()
  const reset = Buffer.from([0, 0, 0, 8])
  for (let stream = 1; stream < 20_000 && !raw.closed; stream += 2) {
    raw.request(stream, fields([[':path', '/slow']]))
    if (!raw.send(FRAMES.reset, 0, stream, reset)) await raw.drained()
  }
  await eventually('the connection is ended', () => raw.closed)
  await eventually('nothing is under way', () => underWay() === 0)
  await eventually('the service has none of them', () => service.sockets.size < 100)
  await serves()
})

const FLOODS: Record<string, (raw: RawHttp2) => boolean> = {
  'of settings': (raw) => raw.send(FRAMES.settings, 0, 0),
  'of pings': (raw) => raw.send(FRAMES.ping, 0, 0, Buffer.alloc(8)),
  'of empty pieces of a body': (raw) => raw.send(FRAMES.data, 0, 1),
  'of headers that do not end': (raw) =>
    raw.send(FRAMES.continuation, 0, 3, encode([['x', 'y'.repeat(1_000)]])),
  'of frames of streams that are closed': (raw) => raw.send(FRAMES.data, 0, 5, Buffer.alloc(1)),
  'of windows that grow by nothing': (raw) => raw.send(FRAMES.windowUpdate, 0, 1, Buffer.alloc(4)),
}

test('T48: a flood of frames that say nothing ends its connection, and takes no memory', async () => {
  for (const [what, send] of Object.entries(FLOODS)) {
    await using raw = await visitor()
    raw.request(
      1,
      fields([
        [':method', 'POST'],
        [':path', '/slow'],
      ]),
      0,
    )
    if (what.includes('headers')) raw.send(FRAMES.headers, 0, 3, encode(PLAIN))
    const before = keptMib()
    for (let sent = 0; sent < 200_000 && !raw.closed; sent++) if (!send(raw)) await raw.drained()
    await eventually(`the connection of a flood ${what} is ended`, () => raw.closed)
    assert.ok(keptMib() - before < 16, `${what}: ${keptMib() - before} MiB are kept`)
  }
  await eventually('nothing is under way', () => underWay() === 0)
  await serves()
})
