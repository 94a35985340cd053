import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { TestClock } from '#test/clock.ts'
import type { Capture } from './capture.ts'
import type { Decision } from './decision.ts'
import { Inspector } from './inspector.ts'
import { REDACTED } from './redaction.ts'
import type { ReplayedRequest } from './replay.ts'
import { DecisionRoom, type RoomOptions } from './room.ts'

const ON = { enabled: true, bodyBytes: 100 }
const JSON_TYPE = ['Content-Type', 'application/json; charset=utf-8']

function startInspector(config = ON, options: Partial<RoomOptions> = {}) {
  const clock = new TestClock()
  const room = new DecisionRoom({ clock, ...options })
  const replayed: ReplayedRequest[] = []
  const replayer = async (request: ReplayedRequest) => `req_${replayed.push(request)}`
  const open = () => {
    const inspector = new Inspector({ room, replayer })
    inspector.apply(config)
    return inspector
  }
  return { clock, room, replayed, open, inspector: open() }
}

function decision(n: number, given: Partial<Decision> = {}): Decision {
  return {
    ...{ id: `req_${n}`, tunnelId: 'tun_a', kind: 'request', relayId: 'rel_a', retries: [] },
    ...{ method: 'POST', host: 'shop.localhost', path: '/', visitor: '192.0.2.1', queuedMs: 0 },
    ...{ startedAtMs: n, endedAtMs: n + 5, totalMs: 5, bytesIn: 0, bytesOut: 0 },
    ...{ status: 200, outcome: 'answered', ...given },
  }
}

interface Passed {
  request?: string[]
  body?: Buffer | string
  response?: string[]
  answer?: Buffer | string
}

/** A request that has passed. */
function pass(
  inspector: Inspector,
  n: number,
  passed: Passed = {},
  given: Partial<Decision> = {},
): Capture | undefined {
  const capture = inspector.capture()
  capture?.requestHead(passed.request ?? JSON_TYPE)
  if (passed.body) capture?.requestBody(Buffer.from(passed.body))
  capture?.requestEnd()
  capture?.responseHead(passed.response ?? JSON_TYPE)
  if (passed.answer) capture?.responseBody(Buffer.from(passed.answer))
  inspector.record(decision(n, given), capture)
  return capture
}

test('the last hundred are listed page by page, the newest first, whatever comes meanwhile', () => {
  const { inspector } = startInspector({ enabled: false, bodyBytes: 0 })
  for (let n = 1; n <= 150; n++) inspector.record(decision(n))
  const ids: string[] = []
  let after: string | undefined
  do {
    const page = inspector.list({ limit: 30, ...(after !== undefined && { after }) })
    ids.push(...page.requests.map(({ id }) => id))
    after = page.after
    if (after !== undefined && ids.length < 60) inspector.record(decision(1000 + ids.length))
  } while (after !== undefined)
  assert.equal(ids[0], 'req_150')
  assert.deepEqual(
    ids,
    Array.from({ length: ids.length }, (_, at) => `req_${150 - at}`),
  )
  assert.equal(inspector.get('req_1'), undefined)
  assert.deepEqual(inspector.get('req_150'), { ...decision(150), inspected: false })
})

test('while it is on, one request is shown with headers and the beginnings of bodies', () => {
  const { inspector } = startInspector()
  pass(inspector, 1, { body: '{"a":1}', answer: `"${'é'.repeat(60)}"` })
  const seen = inspector.get('req_1')!
  assert.deepEqual(seen.request, {
    headers: [JSON_TYPE],
    body: { length: 7, cut: false, text: '{"a":1}' },
  })
  assert.deepEqual(seen.response!.body, { length: 122, cut: true, text: `"${'é'.repeat(49)}` })
  assert.equal(inspector.list({ limit: 1 }).requests[0]!.request, undefined)
  inspector.apply({ enabled: false, bodyBytes: 100 })
  assert.equal(inspector.get('req_1')!.request, undefined)
})

test('of what is no text, type, size and digest are shown, and compressed text is read', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 10_000 })
  const text = JSON.stringify({ list: Array.from({ length: 50 }, (_, n) => n * n) })
  const codings = {
    ...{ gzip: gzipSync(text), deflate: deflateSync(text), br: brotliCompressSync(text) },
    zstd: zstdCompressSync(text),
  }
  let n = 0
  for (const [coding, answer] of Object.entries(codings)) {
    pass(inspector, ++n, { response: [...JSON_TYPE, 'content-encoding', coding], answer })
    assert.equal(inspector.get(`req_${n}`)!.response!.body.text, text, coding)
  }
  const cut = startInspector({ enabled: true, bodyBytes: 60 }).inspector
  pass(cut, 1, { response: [...JSON_TYPE, 'content-encoding', 'gzip'], answer: codings.gzip })
  const beginning = cut.get('req_1')!.response!.body
  assert.ok(beginning.cut && text.startsWith(beginning.text!) && beginning.text!.length > 10)
  const odd = Buffer.from([0xff, 0xfe, 0])
  const sha256 = createHash('sha256').update(odd).digest('hex')
  for (const type of ['text/plain', 'image/png']) {
    pass(inspector, ++n, { response: ['content-type', `${type}; x=y`], answer: odd })
    assert.deepEqual(inspector.get(`req_${n}`)!.response!.body, {
      ...{ length: 3, cut: false, type, sha256 },
    })
  }
  pass(cut, 2, { response: ['content-type', 'image/png'], answer: Buffer.alloc(61) })
  const { body } = cut.get('req_2')!.response!
  assert.deepEqual(body, { length: 61, cut: true, type: 'image/png' })
})

test('what would become too much, or is packed in another way, is not unpacked', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 10_000 })
  const bomb = gzipSync(Buffer.alloc(5 * 1024 * 1024, 'a'))
  assert.ok(bomb.length < 10_000)
  for (const [n, coding] of ['gzip', 'br', 'compress', 'gzip, gzip'].entries()) {
    pass(inspector, n, { response: [...JSON_TYPE, 'content-encoding', coding], answer: bomb })
    const { body } = inspector.get(`req_${n}`)!.response!
    assert.deepEqual([body.text, body.type], [undefined, 'application/json'], coding)
  }
})

test('text is told by its bytes too, in whatever letters it is written', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 10_000 })
  const shown = (type: string | undefined, answer: Buffer) => {
    pass(inspector, 1, { response: type === undefined ? [] : ['content-type', type], answer })
    return inspector.get('req_1')!.response!.body
  }
  const text = 'Grüße'
  assert.equal(shown(undefined, Buffer.from(text)).text, text)
  assert.equal(shown('text/plain; charset=utf-16le', Buffer.from(text, 'utf16le')).text, text)
  assert.equal(shown('text/plain; charset="ISO-8859-1"', Buffer.from(text, 'latin1')).text, text)
  for (const [type, bytes] of [
    [undefined, Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    ['text/plain', Buffer.from('a\0b')],
    ['text/plain; charset=utf-7', Buffer.from('a')],
    ['application/json', Buffer.from('"\x01"')],
    ['application/octet-stream', Buffer.from('looks like text')],
    ['nonsense', Buffer.from('a')],
  ] as const) {
    assert.equal(shown(type, bytes).text, undefined, type)
  }
  assert.equal(shown('a/b\u0007', Buffer.from('a')).type, 'application/octet-stream')
})

const SECRET = 'c4n4ry7e'

test('secrets of headers, addresses and bodies are shown nowhere', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 10_000 })
  const jwt = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ${SECRET}.${SECRET}`
  const names = [
    ...['Authorization', 'PROXY-AUTHORIZATION', 'Cookie', 'Set-Cookie', 'Gantry-Tunnel-Token'],
    ...['X-Api-Key', 'X-Auth-Token', 'X-CSRF-Token', 'X-Amz-Security-Token', 'X-Hub-Signature-256'],
  ]
  const headers = names.flatMap((name) => [name, `value ${SECRET}`])
  headers.push('Referer', `https://ann:${SECRET}@a.example/x?access_token=${SECRET}&page=2`)
  headers.push(
    'X-Told',
    `it is ${jwt} or Bearer ${SECRET}${SECRET}`,
    'X-Key',
    `gk_live_${SECRET}${SECRET}`,
    'X-Note',
    `by gtt_${SECRET}${SECRET} and gtl_${SECRET}${SECRET}`,
  )
  const body = JSON.stringify({
    name: 'ann',
    password: `x"${SECRET}`,
    deep: { apiKey: SECRET },
    jwt,
  })
  const form = `user=ann&pass%77ord=${SECRET}&client_secret=${SECRET}`
  const path = `/sign-in?user=ann&code=${SECRET}&%74oken=${SECRET}#key=${SECRET}`
  pass(
    inspector,
    1,
    {
      request: [...JSON_TYPE, ...headers],
      body,
      response: [...JSON_TYPE, ...headers],
      answer: body,
    },
    { path },
  )
  pass(inspector, 2, { request: ['content-type', 'application/x-www-form-urlencoded'], body: form })
  const shown = JSON.stringify([
    inspector.list({ limit: 9 }),
    inspector.get('req_1'),
    inspector.get('req_2'),
  ])
  assert.ok(!shown.includes(SECRET), shown)
  assert.match(
    shown,
    /"Referer","https:\/\/\[redacted\]@a.example\/x\?access_token=\[redacted\]&page=2"/,
  )
  assert.match(shown, /user=ann&pass%77ord=\[redacted\]/)
  assert.match(shown, /\{\\"name\\":\\"ann\\",\\"password\\":\\"\[redacted\]\\"/)
})

test('secrets that bodies of other forms name are shown nowhere, and the rest is', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 10_000 })
  const part = (head: string, body: string) =>
    `--cut\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`
  const bodies: [type: string, body: string | Buffer, packed?: string][] = [
    [
      'multipart/form-data; boundary=cut',
      part('name="user"', 'ann') +
        part('name="user[password]"', SECRET) +
        part('name="api_key"; filename="key.pem"\r\nContent-Type: text/plain', SECRET) +
        part('name="more"\r\nContent-Type: application/json', `{"token":"${SECRET}","pin_otp":1}`) +
        part('name="note"', `as Bearer ${SECRET}${SECRET}`) +
        part('name=pass%77ord', SECRET) +
        part('name="photo"; filename="a.png"\r\nContent-Type: image/png', `\0${SECRET}`) +
        `--cut--\r\n${SECRET}`,
    ],
    ['multipart/mixed; boundary="cut"', part('name="secret"', SECRET).slice(0, -6)],
    ['application/yaml', `user: ann\n- password: ${SECRET}\n  "api_key" : ${SECRET}`],
    ['text/plain', `user=ann\r\nclient_secret=${SECRET} ${SECRET}\r\n`],
    ['application/toml', `user = "ann"\n"token" = '${SECRET}'\n`],
    [
      'application/soap+xml; charset=utf-8',
      `<user>ann</user><wsse:Password Type="x">${SECRET}</wsse:Password><token><![CDATA[${SECRET}]]></token><a apiKey='${SECRET}'/>`,
    ],
    [
      'text/html',
      `<p>ann</p><input type="hidden" value="${SECRET}" name="csrf_token"><input type=password value=${SECRET}>` +
        `<meta name="csrf-token" content='${SECRET}'><script>var a = {"secret": "${SECRET}"}</script>`,
    ],
    ['application/json', gzipSync(`{"user":"ann","password":"${SECRET}"}`), 'gzip'],
    ['application/x-www-form-urlencoded', brotliCompressSync(`user=ann&token=${SECRET}`), 'br'],
    ['application/json', `{"user":"ann","cvv":123456789,"card_number": 4242424242424242}`],
    ['', `user=ann&password=${SECRET}`],
    ['', `{"user":"ann","password":"${SECRET}"}`],
  ]
  for (const [n, [type, body, packed]] of bodies.entries()) {
    const coding = packed ? ['content-encoding', packed] : []
    pass(inspector, n, { request: [...(type ? ['content-type', type] : []), ...coding], body })
    const { text = '' } = inspector.get(`req_${n}`)!.request!.body
    assert.ok(/ann|multipart\/mixed|name="secret"/.test(text), `${type}: ${text}`)
    assert.ok(!/c4n4ry7e|123456789|4242/.test(text), `${type}: ${text}`)
    assert.ok(text.includes(REDACTED), `${type}: ${text}`)
  }
  assert.match(inspector.get('req_0')!.request!.body.text!, /\[9 bytes of image\/png\]$/)
})

test('a body of parts that is none, or has no end, is shown as far as it goes', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 10_000 })
  const shown = (boundary: string, body: string) => {
    const request = ['content-type', `multipart/form-data${boundary}`]
    pass(inspector, 1, { request, body })
    return inspector.get('req_1')!.request!.body
  }
  assert.equal(shown('', 'a').type, 'multipart/form-data')
  assert.equal(shown('; boundary=b', 'no part').type, 'multipart/form-data')
  assert.equal(shown('; boundary=b', '--b\r\nContent-').text, '--b\r\n[cut]')
  const many = shown('; boundary=b', '--b\r\n\r\n\r\n'.repeat(1_000)).text!
  assert.ok(many.endsWith('more parts]') && many.length < 2_000, many.slice(-100))
})

test('what strangers write to be searched for secrets is searched in time', () => {
  const { inspector } = startInspector({ enabled: true, bodyBytes: 65_536 })
  const parts = [
    'a-',
    'eyJ',
    'eyJ-',
    '"',
    '"a":"',
    '\\"',
    '=&',
    'token',
    'token=',
    'a:// ',
    'aa://b',
    'basic ',
    '%',
    'sk_',
    '? ',
  ]
  const before = process.cpuUsage()
  parts.forEach((part, n) => {
    const text = part.repeat(65_536 / part.length)
    const header = text.slice(0, 16_000)
    pass(
      inspector,
      n,
      { request: [...JSON_TYPE, 'referer', header, header, header], body: text },
      { path: `/?${header}` },
    )
    inspector.get(`req_${n}`)
  })
  for (const type of [
    'application/json',
    'text/plain',
    'text/html',
    'multipart/mixed; boundary=e',
  ]) {
    for (const part of ['eyJ-', '<a ', '--e\r\n', '"a":"']) {
      const packed = gzipSync(part.repeat(1024 * 1024).slice(0, 1024 * 1024))
      pass(inspector, 200, {
        ...{ request: ['content-type', type, 'content-encoding', 'gzip'], body: packed },
      })
      for (let looks = part === 'eyJ-' ? 3 : 1; looks > 0; looks--) {
        assert.ok(inspector.get('req_200')!.request!.body.length < 65_536)
      }
    }
  }
  inspector.list({ limit: 100 })
  const { user } = process.cpuUsage(before)
  assert.ok(user < 5_000_000, `${user} µs`)
})

test('a request is made again as it was, without what belongs to its connection', async () => {
  const { inspector, replayed } = startInspector()
  const own = [
    'Connection',
    'close',
    'Content-Length',
    '7',
    'X-Forwarded-For',
    '192.0.2.1',
    'Host',
    'x',
  ]
  pass(
    inspector,
    1,
    { request: [...JSON_TYPE, ...own, 'X-A', '1', 'X-A', '2'], body: '{"a":1}' },
    { path: '/a?token=1' },
  )
  assert.deepEqual(await inspector.replay('req_1'), { requestId: 'req_1' })
  assert.deepEqual(replayed, [
    {
      ...{
        replayOf: 'req_1',
        tunnelId: 'tun_a',
        method: 'POST',
        host: 'shop.localhost',
        path: '/a?token=1',
      },
      ...{ headers: [...JSON_TYPE, 'X-A', '1', 'X-A', '2'], body: Buffer.from('{"a":1}') },
    },
  ])
})

test('a request that cannot be made as it was is refused, and says why', async () => {
  const { inspector, replayed } = startInspector()
  pass(inspector, 1, { body: 'x'.repeat(101) })
  pass(inspector, 2, { request: ['Cookie', 'a=b', 'X-A', '1'] })
  pass(inspector, 3, {}, { kind: 'socket' })
  inspector.record(decision(4))
  inspector.record(decision(5), inspector.capture())
  const why = async (id: string) => {
    const answer = await inspector.replay(id)
    return 'refused' in answer ? `${answer.refused}: ${answer.detail}` : 'made'
  }
  assert.match(await why('req_1'), /^body_cut: .*101 bytes, of which 100/)
  assert.match(await why('req_2'), /^redacted: .*Cookie/)
  assert.match(await why('req_3'), /^not_a_request/)
  assert.match(await why('req_4'), /^not_kept/)
  assert.match(await why('req_5'), /^body_cut: .*never sent to its end/)
  assert.match(await why('req_6'), /^gone/)
  assert.equal(replayed.length, 0)
  assert.deepEqual(await inspector.replay('req_2', { withoutSecrets: true }), {
    requestId: 'req_1',
  })
  assert.deepEqual(replayed[0]!.headers, ['X-A', '1'])
})

test('all tunnels together have a bound, and who was used longest ago gives way', () => {
  const { clock, room, open } = startInspector(ON, { maxDecisions: 250 })
  const inspectors = [open(), open(), open()]
  for (const inspector of inspectors) {
    for (let n = 0; n < 100; n++) pass(inspector, n)
    clock.advance(1000)
  }
  const counts = inspectors.map((inspector) => inspector.list({ limit: 1000 }).requests.length)
  assert.deepEqual(counts, [50, 100, 100])
  clock.advance(14 * 60_000)
  pass(inspectors[1]!, 100)
  clock.advance(60_000)
  room.sweep()
  assert.deepEqual(
    inspectors.map(({ isEmpty }) => isEmpty),
    [true, false, true],
  )
  room.forget(inspectors[1]!)
  assert.deepEqual(room.figures, { decisions: 0, bytes: 0, tunnels: 0 })
})

test('memory for bodies has a bound, also of requests that never end, and nothing of it is forgotten', () => {
  const step = fc.record({
    tunnel: fc.nat(2),
    bytes: fc.nat(300),
    what: fc.constantFrom(
      'begin' as const,
      'more' as const,
      'end' as const,
      'off' as const,
      'on' as const,
    ),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { room, open } = startInspector(
        { enabled: true, bodyBytes: 200 },
        { maxBytes: 5_000, maxDecisions: 5 },
      )
      const inspectors = [open(), open(), open()]
      const under: [Inspector, Capture | undefined][] = []
      const end = (n: number, one?: [Inspector, Capture | undefined]) =>
        one?.[0].record(decision(n), one[1])
      for (const [n, { tunnel, bytes, what }] of steps.entries()) {
        const inspector = inspectors[tunnel]!
        if (what === 'begin') under.push([inspector, inspector.capture()])
        if (what === 'more') under[0]?.[1]?.responseBody(Buffer.alloc(bytes))
        if (what === 'off') inspector.apply({ enabled: false, bodyBytes: 0 })
        if (what === 'on') inspector.apply({ enabled: true, bodyBytes: 200 })
        if (what === 'end') end(n, under.shift())
        assert.ok(room.figures.bytes <= 5_000 && room.figures.decisions <= 5)
      }
      for (const one of under) end(0, one)
      for (const inspector of inspectors) room.forget(inspector)
      assert.deepEqual(room.figures, { decisions: 0, bytes: 0, tunnels: 0 })
    }),
  )
})

test('what passes after the end of a request is not kept', () => {
  const { inspector, room } = startInspector()
  const capture = pass(inspector, 1)
  const before = room.figures
  capture!.responseBody(Buffer.from('late'))
  assert.deepEqual(room.figures, before)
})
