import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { serveTcp, speak, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

let heard = ''
const service = await serveTcp((socket) => {
  socket.on('data', (chunk) => {
    heard += String(chunk)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
})
after(() => service[Symbol.asyncDispose]())
const agent = await startAgent(relay, [relay.control.add('strict', [service.port])])
after(() => agent[Symbol.asyncDispose]())

const HOST = 'Host: strict.localhost\r\n'
const chunked = (body: string) =>
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}`

test('T47: what two readers could tell the end or the aim of differently is refused, and reaches nobody', async () => {
  const bad = {
    'a length and chunks': `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two lengths': `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
    'two equal lengths': `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`,
    'a length with a sign': `POST / HTTP/1.1\r\n${HOST}Content-Length: +4\r\n\r\nabcd`,
    'lengths in a list': `POST / HTTP/1.1\r\n${HOST}Content-Length: 4, 4\r\n\r\nabcd`,
    'chunks and something': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n`,
    'something and chunks': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n`,
    'chunks in disguise': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    'chunks twice': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunks in HTTP/1.0': `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'lines that end with LF': `GET / HTTP/1.1\n${HOST.replace('\r', '')}\n`,
    'a header that ends with LF': `GET / HTTP/1.1\r\n${HOST.replace('\r', '')}\r\n`,
    'a folded header': `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`,
    'a space before the colon': `GET / HTTP/1.1\r\n${HOST}Content-Length : 4\r\n\r\nabcd`,
    'a NUL': `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`,
    'a chunk of a bad size': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n`,
    'a bare CR in a header': `GET / HTTP/1.1\r\n${HOST}X: a\rTransfer-Encoding: chunked\r\n\r\n`,
    'a bare CR before the body': `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\rabcd`,
    'nearly chunks': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    'chunks with a parameter': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n`,
    'chunks in quotes': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    'chunks of letters that look alike': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \xe7hunked\r\n\r\n0\r\n\r\n`,
    'identity as an encoding': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd`,
    'no encoding': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\nContent-Length: 4\r\n\r\nabcd`,
    'an encoding whose name has a space': `POST / HTTP/1.1\r\n${HOST}Transfer Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'an encoding after a folded line': `POST / HTTP/1.1\r\n${HOST}X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n`,
    'a length in hex': `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x4\r\n\r\nabcd`,
    'a length below nothing': `POST / HTTP/1.1\r\n${HOST}Content-Length: -4\r\n\r\nabcd`,
    'a length beyond all': `POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\nabcd`,
    'no length': `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\nabcd`,
    'a chunk of a size beyond all': chunked('ffffffffffffffff1\r\na\r\n0\r\n\r\n'),
    'a chunk of a size below nothing': chunked('-1\r\na\r\n0\r\n\r\n'),
    'a chunk of a size in hex with its sign': chunked('0x1\r\na\r\n0\r\n\r\n'),
    'a chunk of no size': chunked('\r\na\r\n0\r\n\r\n'),
    'a chunk whose size ends with LF': chunked('1\na\r\n0\r\n\r\n'),
    'a chunk whose extension has an LF': chunked('1;a\nb\r\na\r\n0\r\n\r\n'),
    'a chunk that does not end': chunked('1\r\nabcd\r\n0\r\n\r\n'),
    'a chunk extension without end': chunked(`1;${'a'.repeat(40_000)}`),
    'another version': `GET / HTTP/1.7\r\n${HOST}\r\n`,
    'a target with a space': `GET /a b HTTP/1.1\r\n${HOST}\r\n`,
    'a target that is none': `GET a HTTP/1.1\r\n${HOST}\r\n`,
    'a star that is no OPTIONS': `GET * HTTP/1.1\r\n${HOST}\r\n`,
    'two hosts': `GET / HTTP/1.1\r\n${HOST}Host: other.localhost\r\n\r\n`,
    'no host': 'GET / HTTP/1.1\r\n\r\n',
    'a host that is none': 'GET / HTTP/1.1\r\nHost: a/.strict.localhost\r\n\r\n',
    'a host with a login': 'GET / HTTP/1.1\r\nHost: a@strict.localhost\r\n\r\n',
    'a target of another host': `GET http://other.localhost/ HTTP/1.1\r\n${HOST}\r\n`,
  }
  for (const [what, text] of Object.entries(bad)) {
    heard = ''
    const answer = await speak(relay.port, `${text}GET /smuggled HTTP/1.1\r\n${HOST}\r\n`)
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
    const expected = what === 'a chunk extension without end' ? '413' : '400'
    assert.deepEqual(statuses, [expected], `${what}: ${answer.slice(0, 200)}`)
    assert.equal(/smuggled|other|abcd/.test(heard), false, `${what}: ${heard}`)
  }
})

test('a method that is for proxies, or shows what the relay adds, goes no further', async () => {
  heard = ''
  for (const head of ['TRACE / HTTP/1.1', 'TRACE http://strict.localhost/ HTTP/1.1']) {
    const answer = await speak(relay.port, `${head}\r\n${HOST}Cookie: own=1\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 405 /)
    assert.match(answer, /^Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r$/m)
    assert.match(answer, /"code":"tunnel\.method_refused"/)
    assert.ok(!answer.includes('own=1'))
  }
  for (const head of ['TRACK / HTTP/1.1', 'CONNECT strict.localhost:80 HTTP/1.1']) {
    const answer = await speak(relay.port, `${head}\r\n${HOST}\r\n`)
    assert.doesNotMatch(answer, /^HTTP\/1\.1 2/)
  }
  assert.equal(heard, '')
})

test('a request with a target of its own host, and any path that HTTP has, is passed on', async () => {
  for (const [target, expected] of [
    ['http://strict.localhost/a?b', 'GET /a?b HTTP/1.1'],
    ['/%00/..;/x', 'GET /%00/..;/x HTTP/1.1'],
    ['/a%0d%0aX:1', 'GET /a%0d%0aX:1 HTTP/1.1'],
    ['//double', 'GET //double HTTP/1.1'],
  ]) {
    heard = ''
    const said = `GET ${target} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
    assert.match(await speak(relay.port, said), /^HTTP\/1\.1 200 /)
    assert.equal(heard.split('\r\n')[0], expected)
  }
})

test('a host is the same in any case, with a port and with a dot at its end', async () => {
  for (const host of ['STRICT.localhost', 'strict.localhost:80', 'strict.localhost.']) {
    const said = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    assert.match(await speak(relay.port, said), /^HTTP\/1\.1 200 /, host)
  }
})

test('T47: a host that is spelled in another way is another host, or none, and reaches nobody', async () => {
  const hosts = [
    ...['', ' ', '.', '..', '.strict.localhost', 'strict.localhost..', 'strict..localhost'],
    ...[
      'strict.localhost:',
      'strict.localhost:a',
      'strict.localhost:-1',
      'strict.localhost:999999',
    ],
    ...['a@strict.localhost', 'a:b@strict.localhost', 'strict.localhost@a', 'strict.localhost/a'],
    ...[
      'strict.localhost,a',
      'strict.localhost a',
      'strict.localhost\ta',
      'strict.localhost#',
      'strict.localhost?a',
    ],
    ...[
      '%73trict.localhost',
      'xn--strict-.localhost',
      'strict\xe3\x80\x82localhost',
      '\xef\xbd\x93trict.localhost',
    ],
    ...[
      '[::1',
      '::1',
      '[strict.localhost]',
      '[::1%25lo]',
      '"strict.localhost"',
      'strict.localhost\\a',
    ],
    ...['other.strict.localhost', 'strict', 'localhost.strict', 'strict.localhost.evil.test'],
  ]
  for (const host of hosts) {
    heard = ''
    const answer = await speak(
      relay.port,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )
    assert.equal(heard, '', JSON.stringify(host))
    // One that is no tunnel's is the product's own to refuse.
    const isProduct = answer.includes('\r\nthe product\r\n')
    assert.ok(isProduct || /^HTTP\/1\.1 [45]/.test(answer), `${JSON.stringify(host)}: ${answer}`)
  }
})

test('T47: a whole address in place of the path is of the same host, letter for letter, or reaches nobody', async () => {
  for (const target of [
    ...['http://a@strict.localhost/', 'http://strict.localhost:81/', 'http://strict.localhost./'],
    ...['http:///', 'http://', 'http:/strict.localhost/', 'ftp://strict.localhost/'],
    ...['http://strict.localhost\\@other.localhost/', 'http://other.localhost#@strict.localhost/'],
    'strict.localhost:80',
  ]) {
    heard = ''
    const answer = await speak(
      relay.port,
      `GET ${target} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 /, target)
    assert.equal(heard, '', target)
  }
})

test('T47: a visitor who takes its length off a body sends no second request in it', async () => {
  const inner = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`
  for (const named of ['Content-Length', 'content-length ,x', 'keep-alive, CONTENT-LENGTH']) {
    heard = ''
    await speak(
      relay.port,
      `POST / HTTP/1.1\r\n${HOST}Connection: ${named}\r\nConnection: close\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    )
    const [head = '', body] = heard.split('\r\n\r\n', 2)
    assert.match(head, new RegExp(`^Content-Length: ${inner.length}\r?$`, 'm'), head)
    assert.match(body!, /^GET \/smuggled/)
  }
})

test('headers that name our own parts go no further', async () => {
  heard = ''
  const said = `GET / HTTP/1.1\r\n${HOST}Gantry-Tunnel-Token: secret\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Real-IP: 8.8.8.8\r\n\r\n`
  await speak(relay.port, said)
  assert.equal(/secret|x-hop|8\.8\.8\.8/i.test(heard), false, heard)
})
