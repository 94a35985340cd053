import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AnswerParser, BadAnswer } from './answer-parser.ts'

interface Heard {
  informed: number[]
  status?: number
  headers?: string[]
  keepAlive?: boolean
  body: string
  trailers?: string[]
}

function read(
  pieces: readonly Buffer[],
  { method = 'GET', upgrading = false, ended = false } = {},
): Heard {
  const heard: Heard = { informed: [], body: '' }
  const parser = new AnswerParser()
  parser.expect(
    {
      onInformation: (status) => void heard.informed.push(status),
      onHead: ({ status, rawHeaders, keepAlive }) =>
        Object.assign(heard, { status, headers: rawHeaders, keepAlive }),
      onBody: (chunk) => void (heard.body += chunk.toString('latin1')),
      onEnd: (trailers) => void (heard.trailers = trailers),
    },
    { method, upgrading },
  )
  for (const piece of pieces) parser.read(piece)
  if (ended) parser.end()
  return heard
}

const whole = (text: string) => [Buffer.from(text, 'latin1')]

const ANSWERS: [name: string, text: string, options?: Parameters<typeof read>[1]][] = [
  ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a:b \r\n\r\nhello'],
  ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n'],
  [
    'in chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n',
  ],
  [
    'with trailers',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\nY: z\r\n\r\n',
  ],
  [
    'after early hints',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ],
  ['to its end', 'HTTP/1.0 200\r\n\r\nuntil I hang up', { ended: true }],
  ['to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', { method: 'HEAD' }],
  [
    'of a WebSocket',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi',
    { upgrading: true },
  ],
]

test('an answer is the same however its bytes are cut', () => {
  for (const [name, text, options] of ANSWERS) {
    const expected = read(whole(text), options)
    assert.ok(expected.status, name)
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length]
        const pieces = places
          .slice(1)
          .map((to, i) => Buffer.from(text.slice(places[i], to), 'latin1'))
        assert.deepEqual(read(pieces, options), expected, name)
      }),
    )
  }
})

test('what has come of an answer is told: head, body and trailers', () => {
  const [, trailers] = ANSWERS[3]!
  const heard = read(whole(trailers))
  assert.deepEqual(
    [heard.body, heard.trailers, heard.keepAlive],
    ['hi', ['X-Sum', '7', 'Y', 'z'], true],
  )
})

test('an answer whose end two readers could see differently is none, or is the last of its connection', () => {
  const bad = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent Length: 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 0\n\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n\r\n',
  ]
  for (const text of bad) assert.throws(() => read(whole(text)), BadAnswer, text)

  const both =
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'
  assert.deepEqual([read(whole(both)).body, read(whole(both)).keepAlive], ['a', false])
  const length204 = 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'
  assert.equal(read(whole(length204)).keepAlive, false)
})

test('a head that does not end, and an answer that is cut off, are none', () => {
  assert.throws(() => read(whole(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`)), BadAnswer)
  const cut = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel'
  assert.throws(() => read(whole(cut), { ended: true }), BadAnswer)
})
