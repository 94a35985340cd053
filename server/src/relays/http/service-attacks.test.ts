import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { eventually, keptMib } from '#kernel/test-support.ts'
import { serveTcp, speak, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

/** What the service says, once a request of this path has come. */
const answers = new Map<string, (socket: Socket) => void>()
const service = await serveTcp((socket) => {
  socket.on('data', (chunk: Buffer) => {
    for (const [, path] of chunk.toString('latin1').matchAll(/^[A-Z]+ (\S+) HTTP\/1\.1\r$/gm)) {
      const answer = answers.get(path!)
      if (answer) answer(socket)
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell')
    }
  })
})
after(() => service[Symbol.asyncDispose]())
const spec = relay.control.add('odd', [service.port], { config: { timeoutSeconds: 5 } })
const agent = await startAgent(relay, [spec])
after(() => agent[Symbol.asyncDispose]())

const head = (path: string, method = 'GET', more = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: odd.localhost\r\n${more}\r\n`
const CLOSE = 'Connection: close\r\n'

let paths = 0
/** A path that is answered like this. */
function answered(text: string): string {
  const path = `/${++paths}`
  answers.set(path, (socket) => void socket.write(text, 'latin1'))
  return path
}

/** All that a visitor hears who asks for it, and then for something else on the same connection. */
async function visitTwice(path: string, method = 'GET'): Promise<string> {
  return speak(relay.port, head(path, method), head('/next', 'GET', CLOSE))
}

const OK = 'HTTP/1.1 200 OK\r\n'
const NEXT = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned'

/** What a careful client reads: each answer in turn, by its length or its chunks. */
function answersIn(text: string, methods: readonly string[]): { status: string; body: string }[] {
  const read: { status: string; body: string }[] = []
  let rest = text
  for (const method of methods) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) break
    const [status = '', ...lines] = rest.slice(0, end).split('\r\n')
    const lengths = lines.filter((line) => /^content-length:/i.test(line))
    assert.ok(lengths.length <= 1, `${lengths.join()} of ${text}`)
    const isChunked = lines.some((line) => /^transfer-encoding: chunked$/i.test(line))
    assert.ok(!isChunked || lengths.length === 0, text)
    const isBodyless = method === 'HEAD' || / (?:204|304) /.test(status)
    rest = rest.slice(end + 4)
    const length = isBodyless ? 0 : Number(lengths[0]?.split(':')[1] ?? 0)
    const size = isChunked && !isBodyless ? rest.indexOf('0\r\n\r\n') + 5 : length
    read.push({ status, body: rest.slice(0, size) })
    rest = rest.slice(size)
  }
  assert.equal(rest, '', text)
  return read
}

test('T47: whatever a service says, its visitor reads where it ends, and the next answer is the next one', async () => {
  const odd: Record<string, [text: string, method?: string]> = {
    'two answers': [`${OK}Content-Length: 2\r\n\r\nhi${NEXT}`],
    'more than its length': [`${OK}Content-Length: 2\r\n\r\nhimore`],
    'a length below its chunks': [
      `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\n\r\n`,
    ],
    'a length above its chunks': [
      `${OK}Transfer-Encoding: chunked\r\nContent-Length: 900\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    ],
    'a length that is told twice': [`${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`],
    'a length for this hop': [`${OK}Connection: content-length\r\nContent-Length: 2\r\n\r\nhi`],
    '204 with a body': ['HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi'],
    '204 with another answer': [`HTTP/1.1 204 No Content\r\n\r\n${NEXT}`],
    '304 with a body': ['HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi'],
    '304 in chunks': [
      'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    ],
    'HEAD with a body': [`${OK}Content-Length: 2\r\n\r\nhi`, 'HEAD'],
    'HEAD in chunks': [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, 'HEAD'],
    'chunks of HTTP/1.0': [
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    ],
    'trailers that frame': [
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 90\r\n\r\n`,
    ],
    'trailers that its length leaves no place for': [
      `${OK}Trailer: X-Sum\r\nContent-Length: 2\r\n\r\nhi`,
    ],
    'trailers of no body': [
      `${OK}Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      'HEAD',
    ],
    'an answer after what is none': [`HTTP/1.1 199 Odd\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`],
  }
  for (const [what, [text, method = 'GET']] of Object.entries(odd)) {
    const heard = await visitTwice(answered(text), method)
    const [first, second] = answersIn(heard, [method, 'GET'])
    assert.match(first!.status, / (?:200|204|304) /, what)
    assert.deepEqual(second, { status: 'HTTP/1.1 200 OK', body: 'well' }, `${what}: ${heard}`)
  }
})

test('an answer that is none is answered for, and the next one is the next one', async () => {
  const bad = {
    '101 that nobody asked for':
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi',
    'a control character in the phrase': 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nhi',
    'a bare CR in a value': `${OK}Content-Length: 2\r\nX: a\rSet-Cookie: b=c\r\n\r\nhi`,
    'a NUL in a value': `${OK}Content-Length: 2\r\nX: a\0b\r\n\r\nhi`,
    'a folded value': `${OK}Content-Length: 2\r\nX: a\r\n b\r\n\r\nhi`,
    'another protocol': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'more told before it than fits': 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3_000),
  }
  for (const [what, text] of Object.entries(bad)) {
    const heard = await visitTwice(answered(text))
    const answer = heard.slice(heard.indexOf('HTTP/1.1 502'))
    assert.match(answer, /^HTTP\/1\.1 502 [^]*"code":"tunnel\.service_failed"/, `${what}: ${heard}`)
    assert.match(answer, /\r\n\r\nwell$/, what)
  }
})

test('what a service says between two requests is no answer to the next one', async () => {
  const path = answered('')
  for (const late of [NEXT, 'more']) {
    let answering: Socket | undefined
    answers.set(path, (socket) => {
      answering = socket
      socket.write(`${OK}Keep-Alive: timeout=100\r\nContent-Length: 2\r\n\r\nhi`)
    })
    assert.match(await speak(relay.port, head(path, 'GET', CLOSE)), /\r\n\r\nhi$/)
    answering!.write(late)
    await eventually('the connection is given up', () => answering!.readableEnded)
    answering!.destroy()
    assert.match(await speak(relay.port, head('/next', 'GET', CLOSE)), /\r\n\r\nwell$/)
  }
})

test('a service that never stops announcing its answer takes no memory of visitors who do not read', async () => {
  const hint = `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(8_000)}>\r\n\r\n`
  const path = answered('')
  let told = 0
  const flooding = new Set<Socket>()
  answers.set(path, (socket) => {
    flooding.add(socket)
    const flood = () => {
      while (!socket.destroyed && told < 200 * 1024 * 1024 && socket.write(hint))
        told += hint.length
    }
    socket.on('drain', flood)
    flood()
  })
  const before = keptMib()
  const visitor = connect(relay.port, '127.0.0.1')
  visitor.on('error', () => {})
  visitor.pause().write(head(path))
  await eventually('the service is left', () => {
    return flooding.size > 0 && [...flooding].every(({ destroyed }) => destroyed)
  })
  assert.ok(told < 64 * 1024 * 1024, `${told} bytes were taken`)
  assert.ok(keptMib() - before < 32, `${keptMib() - before} MiB are kept`)
  visitor.destroy()
})

test('a visitor who ends its half has left, and an answer that breaks off is told as broken off', async () => {
  const path = answered('')
  const asked: Socket[] = []
  answers.set(path, (socket) => void asked.push(socket))
  const half = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true })
  half.resume().on('error', () => {})
  half.end(head(path))
  await eventually('nothing is under way', () => relay.relay.facts.streams === 0)
  await eventually('the service is told', () => asked.every((one) => one.readableEnded))
  half.destroy()
  const early = answered('')
  answers.set(early, (socket) => void socket.end(`${OK}Content-Length: 9\r\n\r\nhalf`))
  assert.match(await speak(relay.port, head(early)), /Content-Length: 9\r\n[^]*\r\n\r\nhalf$/)
})

test('T48: a service whose answer drips in without end is given up after its time', async () => {
  const path = answered('')
  const dripping: Socket[] = []
  answers.set(path, (socket) => {
    dripping.push(socket)
    socket.write(OK)
    const drip = setInterval(() => socket.write('X: y\r\n'), 100)
    socket.once('close', () => clearInterval(drip))
  })
  const heard = await speak(relay.port, head(path, 'GET', CLOSE))
  assert.match(heard, /^HTTP\/1\.1 504 [^]*"code":"tunnel\.timeout"/)
  await eventually('the service is left', () => dripping.every(({ destroyed }) => destroyed))
})
