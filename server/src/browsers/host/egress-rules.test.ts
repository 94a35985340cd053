import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Clock } from '#kernel/clock.ts'
import { connectThrough, get, openEgress, openSite, openTcp } from './egress-fixture.ts'
import type { Refusal } from './egress.ts'
import { EgressRulesInvalid, parseEgressRules } from './egress-rules.ts'

/** The names that a list of one pattern matches, of `host:port`. */
function matched(pattern: string, names: readonly string[]): string[] {
  const { deny } = parseEgressRules({ deny: [pattern] })
  return names.filter((name) => {
    const [host = '', port] = name.split(':')
    return deny.hasName(host, Number(port ?? 443))
  })
}

test('a name matches itself, and a wildcard its subdomains only', () => {
  const names = ['example.com', 'a.example.com', 'b.a.example.com', 'notexample.com', 'com']
  assert.deepEqual(matched('example.com', names), ['example.com'])
  assert.deepEqual(matched('*.example.com', names), ['a.example.com', 'b.a.example.com'])
})

test('case, a final dot and the alphabet of a name do not matter, and a port narrows it', () => {
  assert.deepEqual(matched('EXAMPLE.com.', ['example.com']), ['example.com'])
  assert.deepEqual(matched('*.Bücher.example', ['a.xn--bcher-kva.example']).length, 1)
  assert.deepEqual(matched('xn--bcher-kva.example', ['xn--bcher-kva.example']).length, 1)
  assert.deepEqual(matched('example.com:443', ['example.com:443', 'example.com:80']).length, 1)
  assert.deepEqual(matched('*.example.com:80', ['a.example.com:443']), [])
})

test('an address and a range match addresses, in one family', () => {
  const { deny } = parseEgressRules({ deny: ['203.0.113.0/24:80', '[2606:4700::/32]:443', '::/0'] })
  assert.ok(deny.hasAddress({ address: '203.0.113.9', family: 4 }, 80))
  assert.ok(!deny.hasAddress({ address: '203.0.113.9', family: 4 }, 443))
  assert.ok(deny.hasAddress({ address: '2606:4700::1', family: 6 }, 443))
  assert.ok(!deny.hasAddress({ address: '8.8.8.8', family: 4 }, 443))
})

for (const [pattern, why] of Object.entries({
  '*': /leave "allow" out/,
  'https://example.com': /is a URL/,
  'a.*.example.com': /is not a host name/,
  '*.10.0.0.0/8': /is not a host name/,
  '*.1.2.3.4': /is not a host name/,
  '10.0.0.0/33': /is not a host name/,
  '127.1': /is not a host name/,
  'a b': /is not a host name/,
  'a,b': /is not a host name/,
  'example.com:0': /is not a host name/,
  'example.com/path': /is not a host name/,
  '': /is not a host name/,
  ['a'.repeat(301)]: /too long/,
})) {
  test(`the pattern ${JSON.stringify(pattern.slice(0, 30))} is turned down`, () => {
    assert.throws(
      () => parseEgressRules({ allow: ['example.com', pattern] }),
      (error: unknown) =>
        error instanceof EgressRulesInvalid &&
        why.test(error.message) &&
        error.path.join('.') === 'allow.1',
    )
  })
}

test('at most 200 patterns are read', () => {
  const many = Array.from({ length: 201 }, (_, index) => `h${index}.example`)
  assert.throws(() => parseEgressRules({ deny: many }), /at most 200/)
  parseEgressRules({ deny: many.slice(1), allow: many.slice(1) })
})

test('an upstream is read with its default port and its decoded credentials', () => {
  const upstreamOf = (upstream: string) => parseEgressRules({ upstream }).upstream
  const credentials = { username: 'ann', password: 'p@ss' }
  assert.deepEqual(upstreamOf('http://ann:p%40ss@Proxy.example'), {
    ...{ protocol: 'http', host: 'proxy.example', port: 80, ...credentials },
  })
  assert.equal(upstreamOf('https://proxy.example/')!.port, 443)
  assert.equal(upstreamOf('socks5://[2606:4700::1]')!.port, 1080)
  assert.equal(upstreamOf('socks5h://proxy.example:9')!.protocol, 'socks5')
})

for (const [upstream, why] of Object.entries({
  'ftp://secret@proxy.example': /must begin with/,
  'proxy.example:3128': /must begin with/,
  'nonsense secret': /is not a URL/,
  'http://secret@proxy.example/path': /leave out path/,
  'http://secret@proxy.example?x': /leave out path/,
  'http://secret:%ff@proxy.example': /percent-encoded/,
  'http://a%3Ab:secret@proxy.example': /colon/,
  'socks5://secret@proxy.example': /or neither/,
  'http://secret:%0a@proxy.example': /control characters/,
  'http://secret@proxy.example:0': /between 1 and 65535/,
  [`http://secret:${'p'.repeat(256)}@proxy.example`]: /at most 255 bytes/,
})) {
  test(`the upstream ${upstream.slice(0, 40)} is turned down in words that do not repeat it`, () => {
    assert.throws(
      () => parseEgressRules({ upstream }),
      (error: Error) => why.test(error.message) && !error.message.includes('secret'),
    )
  })
}

const lookup = async (name: string) => [
  { address: name.startsWith('far.') ? '127.0.0.2' : '127.0.0.1' },
]

test('a browser that nobody claimed goes nowhere, until rules are admitted', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, { allow: ['127.0.0.1'], claimed: false })
  const url = `http://127.0.0.1:${site.port}/`

  const before = await get(egress, url)
  const tunnel = await connectThrough(egress, `127.0.0.1:${site.port}`)
  egress.admit({})
  const after = await get(egress, url)

  assert.deepEqual([before.status, tunnel.status, after.status], [403, 403, 200])
  assert.match(before.text, /belongs to no session/)
  assert.equal(site.hits, 1)
})

test('with allow, everything else is refused, and deny wins', async (t) => {
  const site = await openSite(t)
  const rules = { allow: ['*.example', '127.0.0.1'], deny: ['bad.example'] }
  const egress = await openEgress(t, { allow: ['127.0.0.1', '127.0.0.2'], lookup, rules })

  const ask = async (host: string) => {
    const page = await get(egress, `http://${host}:${site.port}/`)
    const tunnel = await connectThrough(egress, `${host}:${site.port}`)
    tunnel.socket.destroy()
    assert.equal(page.status, tunnel.status, host)
    return [page.status, egress.troubleWith(host, site.port)?.reason]
  }

  assert.deepEqual(await ask('good.example'), [200, undefined])
  assert.deepEqual(await ask('127.0.0.1'), [200, undefined])
  assert.deepEqual(await ask('bad.example'), [403, 'denied'])
  assert.deepEqual(await ask('far.test'), [403, 'not_allowed'])
  assert.deepEqual(await ask('10.0.0.1'), [403, 'not_allowed'])
})

test('a range counts for names too, by every address that they lead to', async (t) => {
  const site = await openSite(t)
  const open = (rules: object) => openEgress(t, { allow: ['127.0.0.0/8'], lookup, rules })
  const statusOf = async (rules: object, host: string) =>
    (await get(await open(rules), `http://${host}:${site.port}/`)).status

  assert.equal(await statusOf({ deny: ['127.0.0.1'] }, 'near.example'), 403)
  assert.equal(await statusOf({ deny: ['127.0.0.2/32'] }, 'near.example'), 200)
  assert.equal(await statusOf({ allow: ['127.0.0.1/32'] }, 'near.example'), 200)
  assert.equal(await statusOf({ allow: ['127.0.0.1/32'] }, 'far.example'), 403)
})

test('rules of a session do not open what is not public', async (t) => {
  const site = await openSite(t)
  const rules = { allow: ['127.0.0.1', 'near.example', '127.0.0.0/8'] }
  const egress = await openEgress(t, { allow: [], lookup, rules })
  for (const host of ['127.0.0.1', 'near.example']) {
    const page = await get(egress, `http://${host}:${site.port}/`)
    assert.equal(page.status, 403)
    assert.match(page.text, /not a public address/)
  }
  assert.equal(site.connections, 0)
})

test('of private and public answers none is used, nor any of this machine', async (t) => {
  const answers: Record<string, string[]> = {
    'both.example': ['93.184.216.34', '10.0.0.1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'nat64.example': ['64:ff9b::7f00:1'],
    'zero.example': ['0.0.0.0'],
    'metadata.example': ['169.254.169.254'],
    'own.example': ['8.8.4.4'],
    'own-six.example': ['2606:4700::7'],
  }
  const egress = await openEgress(t, {
    ...{ allow: [], own: () => ['2606:4700::7', '8.8.4.4'] },
    lookup: async (name) => answers[name]!.map((address) => ({ address })),
  })
  const hosts = [...Object.keys(answers), '2606:4700::7', '0.0.0.0', 'metadata.google.internal']
  for (const host of hosts) {
    const { status } = await connectThrough(egress, `${host.includes(':') ? `[${host}]` : host}:80`)
    assert.equal(status, 403, host)
    assert.equal(egress.troubleWith(host, 80)!.reason, 'private', host)
  }
  assert.equal(egress.traffic.refused, hosts.length)
})

test('other rules cut open tunnels that they do not allow, and no others', async (t) => {
  const echo = await openTcp(t, (socket) => socket.pipe(socket))
  const egress = await openEgress(t, { allow: ['127.0.0.1'], lookup })
  const stays = (await connectThrough(egress, `stays.example:${echo}`)).socket
  const goes = (await connectThrough(egress, `goes.example:${echo}`)).socket
  const closed = once(goes.resume(), 'close')

  egress.admit({ deny: ['goes.example'] })

  await closed
  stays.write('still here')
  assert.equal(String(await once(stays, 'data')), 'still here')
  assert.equal((await connectThrough(egress, `goes.example:${echo}`)).status, 403)
})

test('rules that change while a name is resolved are the ones that count', async (t) => {
  const site = await openSite(t)
  const resolving = Promise.withResolvers<void>()
  const mayAnswer = Promise.withResolvers<void>()
  const egress = await openEgress(t, {
    allow: ['127.0.0.1'],
    async lookup() {
      resolving.resolve()
      await mayAnswer.promise
      return [{ address: '127.0.0.1' }]
    },
  })
  const page = get(egress, `http://late.example:${site.port}/`)
  await resolving.promise
  egress.admit({ deny: ['late.example'] })
  mayAnswer.resolve()

  assert.equal((await page).status, 403)
  assert.equal(site.connections, 0)
})

test('rules that cannot be read leave those that hold', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, { allow: ['127.0.0.1'], rules: { deny: ['127.0.0.1'] } })
  assert.throws(() => egress.admit({ allow: ['*'] }), EgressRulesInvalid)
  assert.equal((await get(egress, `http://127.0.0.1:${site.port}/`)).status, 403)
})

test('a refusal is told of once in ten seconds for each host, port and reason, and counted each time', async (t) => {
  const clock = { ms: 0, now: () => new Date(clock.ms), monotonicMs: () => clock.ms }
  const egress = await openEgress(t, { allow: [], clock: clock satisfies Clock })
  const told: Refusal[] = []
  egress.onRefused((refusal) => told.push(refusal))
  const refuse = (host: string) => connectThrough(egress, `${host}:80`)

  for (let time = 0; time < 3; time++) await refuse('10.0.0.1')
  await refuse('10.0.0.2')
  clock.ms = 9_999
  await refuse('10.0.0.1')
  clock.ms = 10_000
  await refuse('10.0.0.1')

  const first = { host: '10.0.0.1', port: 80, reason: 'private', at: new Date(0) }
  assert.deepEqual(told, [
    first,
    { ...first, host: '10.0.0.2' },
    { ...first, at: new Date(10_000) },
  ])
  assert.equal(egress.traffic.refused, 6)
})

test('of many hosts that are refused at once, 256 are told of', async (t) => {
  const clock = { now: () => new Date(0), monotonicMs: () => 0 }
  const egress = await openEgress(t, { allow: [], clock })
  let told = 0
  egress.onRefused(() => (told += 1))
  for (let index = 0; index < 300; index++)
    await connectThrough(egress, `10.0.${index >> 8}.${index & 255}:80`)
  assert.equal(told, 256)
  assert.equal(egress.traffic.refused, 300)
})
