import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnsweredVisit, answeredHeaders } from './answered.ts'
import { headerEdits, isEditable } from './edits.ts'
import { forwardedHeaders, type ForwardedVisit, isLoop } from './forwarded.ts'
import { serviceHost } from './service-host.ts'
import { passedTrailers } from './trailers.ts'

const visit: ForwardedVisit = {
  ...{ tunnelId: 'tun_shop', peer: '203.0.113.7', trusted: false, secure: false },
  ...{ host: 'shop.localhost:8700', serviceHost: 'shop.localhost:8700', webSocket: false },
  edits: undefined,
}
const answer: AnsweredVisit = {
  ...{ tunnelDomain: 'tunnels.example.com', webSocket: false, edits: undefined },
}

function valuesOf(raw: readonly string[], name: string): string[] {
  return raw.filter((_, at) => at % 2 === 1 && raw[at - 1]!.toLowerCase() === name)
}

function namesOf(raw: readonly string[]): string[] {
  return raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
}

test('the service gets what the visitor sent, and who that is', () => {
  const raw = ['Host', 'evil', 'X-A', '1', 'x-a', '2', 'Accept', '*/*', 'Authorization', 'Bearer x']
  assert.deepEqual(forwardedHeaders(raw, visit), [
    ...['Host', 'shop.localhost:8700', 'X-A', '1', 'x-a', '2', 'Accept', '*/*'],
    ...['Authorization', 'Bearer x', 'X-Forwarded-For', '203.0.113.7'],
    ...['X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'shop.localhost:8700'],
    ...['Forwarded', 'for=203.0.113.7;host="shop.localhost:8700";proto=http'],
    ...['Via', '1.1 tun_shop'],
  ])
})

test('what trusted proxies say is kept and added to, IPv6 in brackets and quotes', () => {
  const raw = [
    ...['X-Forwarded-For', '198.51.100.1', 'X-Forwarded-Host', 'shop.example.com'],
    ...[
      'X-Forwarded-Proto',
      'gopher',
      'Forwarded',
      'for=198.51.100.1',
      'CF-Connecting-IP',
      '1.2.3.4',
    ],
  ]
  const proxy = { ...visit, peer: '2001:db8::1', trusted: true, secure: true }
  const out = forwardedHeaders(raw, proxy)
  assert.deepEqual(valuesOf(out, 'x-forwarded-for'), ['198.51.100.1, 2001:db8::1'])
  assert.deepEqual(valuesOf(out, 'x-forwarded-proto'), ['https'])
  assert.deepEqual(valuesOf(out, 'x-forwarded-host'), ['shop.example.com'])
  assert.deepEqual(valuesOf(out, 'cf-connecting-ip'), ['1.2.3.4'])
  const hop = 'for="[2001:db8::1]";host="shop.localhost:8700";proto=https'
  assert.deepEqual(valuesOf(out, 'forwarded'), [`for=198.51.100.1, ${hop}`])
})

test('nothing that a visitor forges of where it comes from survives, however it is spelled', () => {
  const forged = fc.constantFrom(
    ...['X-Forwarded-For', 'x-forwarded-FOR', 'X_Forwarded_For', 'x-forwarded-anything'],
    ...[
      'X-Forwarded_Proto',
      'Forwarded',
      'X-Real-IP',
      'x_real_ip',
      'True-Client-IP',
      'X-Original-URL',
    ],
  )
  const pairs = fc.array(fc.tuple(forged, fc.constantFrom('forged', 'for=forged')))
  fc.assert(
    fc.property(pairs, (pairs) => {
      const out = forwardedHeaders(pairs.flat(), visit)
      assert.ok(!out.join().includes('forged'), out.join())
      assert.deepEqual(valuesOf(out, 'x-forwarded-for'), ['203.0.113.7'])
    }),
  )
})

const HOP_BY_HOP = [
  ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Transfer-Encoding', 'Upgrade'],
  ...['Proxy-Authorization', 'Proxy-Authenticate', 'HTTP2-Settings', 'Expect', 'Close'],
]
const anyCase = (name: string) => fc.constantFrom(name, name.toLowerCase(), name.toUpperCase())
const hopByHop = fc.constantFrom(...HOP_BY_HOP).chain(anyCase)
const token = fc.constantFrom(
  'X-A',
  'x-b',
  'Cookie',
  'Accept',
  'X-Secret',
  'close',
  'Gantry-Tunnel-Token',
)
const connection = fc.array(token, { minLength: 1, maxLength: 4 }).map((names) => names.join(' , '))
const field = fc.oneof(
  fc.tuple(hopByHop, fc.constantFrom('x', 'trailers', 'deflate;q=0.5', 'websocket', 'h2c')),
  fc.tuple(anyCase('Connection'), connection),
  fc.tuple(token, fc.constant('1')),
  fc.tuple(
    anyCase('Cookie'),
    fc.constantFrom('a=b; gantry_tunnel=x', '__Host-gantry_visit=y; c=d', 'gantry_tunnel=x'),
  ),
)
const message = fc.array(field, { maxLength: 12 }).map((fields) => fields.flat())

/** What `Connection` names in these. */
function namedIn(raw: readonly string[]): string[] {
  return valuesOf(raw, 'connection').flatMap((value) =>
    value
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
}

test('nothing that ends at this hop passes, in either direction', () => {
  const ended = new Set(HOP_BY_HOP.map((name) => name.toLowerCase()))
  fc.assert(
    fc.property(message, (raw) => {
      const forwarded = forwardedHeaders(raw, visit)
      assert.ok(!forwarded.join().includes('gantry_'), forwarded.join())
      for (const out of [forwarded, answeredHeaders(raw, answer)]) {
        const left = namesOf(out).filter((name) => ended.has(name) && name !== 'te')
        assert.deepEqual(left, [])
        for (const name of namedIn(raw)) assert.ok(!namesOf(out).includes(name), name)
        for (const value of valuesOf(out, 'te')) assert.equal(value, 'trailers')
        assert.ok(!/gantry-tunnel/i.test(out.join()), out.join())
      }
    }),
  )
})

test('passing a request on twice says no more than once, but of the way', () => {
  const withoutVia = (raw: string[]) => raw.slice(0, raw.indexOf('Via'))
  fc.assert(
    fc.property(message, (raw) => {
      const once = forwardedHeaders(raw, visit)
      assert.deepEqual(withoutVia(forwardedHeaders(once, visit)), withoutVia(once))
      const answered = answeredHeaders(raw, answer)
      assert.deepEqual(answeredHeaders(answered, answer), answered)
    }),
  )
})

test('a WebSocket is the one upgrade that passes', () => {
  const raw = [
    'Connection',
    'keep-alive, Upgrade',
    'Upgrade',
    'h2c, websocket',
    'Sec-WebSocket-Key',
    'k',
  ]
  const out = forwardedHeaders(raw, { ...visit, webSocket: true })
  assert.deepEqual(valuesOf(out, 'upgrade'), ['websocket'])
  assert.deepEqual(valuesOf(out, 'connection'), ['Upgrade'])
  assert.deepEqual(valuesOf(out, 'sec-websocket-key'), ['k'])
  assert.deepEqual(valuesOf(forwardedHeaders(raw, visit), 'upgrade'), [])
})

test('cookies come in one line and without ours, and Authorization for the tunnel stays here', () => {
  const raw = [
    ':authority',
    'x',
    'cookie',
    'a=b',
    'cookie',
    'gantry_tunnel=s; c=d',
    'authorization',
    'Basic x',
  ]
  const out = forwardedHeaders(raw, { ...visit, withoutAuthorization: true })
  assert.deepEqual(valuesOf(out, 'cookie'), ['a=b; c=d'])
  assert.deepEqual(valuesOf(out, 'authorization'), [])
  assert.ok(!namesOf(out).some((name) => name.startsWith(':')))
})

test('rules set and remove, but neither framing nor routing nor what tells of the visitor', () => {
  const edits = headerEdits({
    set: {
      'X-Env': 'staging',
      Host: 'evil',
      'Bad Name': 'x',
      'X-Bad': 'a\r\nB: c',
      'Set-Cookie': 'a=b',
    },
    remove: ['X-Secret', 'Cookie', 'Content-Length', 'X-Forwarded-For', 'Connection'],
  })
  const raw = ['X-Secret', '1', 'x-env', 'old', 'Content-Length', '3', 'Cookie', 'a=b']
  const out = forwardedHeaders(raw, { ...visit, edits })
  assert.deepEqual(valuesOf(out, 'x-env'), ['staging'])
  assert.deepEqual(valuesOf(out, 'content-length'), ['3'])
  assert.deepEqual(valuesOf(out, 'host'), ['shop.localhost:8700'])
  assert.deepEqual(valuesOf(out, 'x-forwarded-for'), ['203.0.113.7'])
  for (const gone of ['x-secret', 'cookie', 'x-bad', 'bad name', 'set-cookie']) {
    assert.deepEqual(valuesOf(out, gone), [])
  }
  assert.equal(headerEdits({ set: {}, remove: [] }), undefined)
  assert.deepEqual(['X-A', 'Via', 'te', 'Gantry-Tunnel-Token', ''].map(isEditable), [
    true,
    ...Array(4).fill(false),
  ])
})

test('no service sets a cookie for all tunnels, or one of ours', () => {
  const cases: [string, string | undefined][] = [
    ['a=b; Domain=tunnels.example.com; Path=/', 'a=b; Path=/'],
    ['a=b; domain = .TUNNELS.example.com', 'a=b'],
    ['a=b;Domain=example.com;HttpOnly', 'a=b;HttpOnly'],
    ['a=b; Domain=com.', 'a=b'],
    ['a=b; Domain=shop.tunnels.example.com', 'a=b; Domain=shop.tunnels.example.com'],
    ['a=b; Domain=shop.test', 'a=b; Domain=shop.test'],
    ['domain=x; Path=/', 'domain=x; Path=/'],
    ['gantry_tunnel=x', undefined],
    [' __Host-gantry_tunnel=x; Secure', undefined],
  ]
  for (const [given, wanted] of cases) {
    const out = answeredHeaders(['Set-Cookie', given], answer)
    assert.deepEqual(valuesOf(out, 'set-cookie'), wanted === undefined ? [] : [wanted])
  }
})

test('trailers say nothing that only a head may', () => {
  const raw = [
    ...['Checksum', 'x', 'X-Forwarded-For', '1', 'x_forwarded_for', '1', 'Content-Length', '9'],
    ...['Authorization', 'x', 'Set-Cookie', 'a=b', 'Transfer-Encoding', 'chunked', 'Host', 'evil'],
    ...['Gantry-Tunnel-Token', 's', 'Grpc-Status', '0'],
  ]
  assert.deepEqual(passedTrailers(raw), ['Checksum', 'x', 'Grpc-Status', '0'])
})

test('a request that comes by again is known', () => {
  const out = forwardedHeaders(['Via', '1.0 fred'], visit)
  assert.deepEqual(valuesOf(out, 'via'), ['1.0 fred, 1.1 tun_shop'])
  assert.deepEqual(
    [isLoop(out, 'tun_shop'), isLoop(out, 'tun_other'), isLoop([], 'tun_shop')],
    [true, false, false],
  )
})

test('the host of the service is the visitor’s, the endpoint’s or a given one', () => {
  const of = (mode: string) => serviceHost(mode, 'shop.test', 'http://127.0.0.1:3000')
  assert.deepEqual(['preserve', 'rewrite', 'app.local'].map(of), [
    'shop.test',
    '127.0.0.1:3000',
    'app.local',
  ])
})
