import assert from 'node:assert/strict'
import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  DestinationRefused,
  NameNotResolved,
  openAddressGuard,
  parseAllow,
  pinnedLookup,
} from './addresses.ts'

const PUBLIC = ['93.184.216.34', '8.8.8.8', '2606:4700:4700::1111', '2a00:1450:4001:80b::200e']

/** A guard whose resolver knows the names given, and counts how often it is asked. */
function guardOf(names: Record<string, string[]> = {}, allow: string[] = []) {
  const asked: string[] = []
  const guard = openAddressGuard({
    allow,
    lookup: async (name) => {
      asked.push(name)
      const answers = names[name]
      if (!answers) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
      return answers.map((address) => ({ address }))
    },
  })
  return { ...guard, asked }
}

async function refuses(host: string, names?: Record<string, string[]>): Promise<void> {
  const guard = guardOf(names)
  await assert.rejects(guard.resolve(host, 443), DestinationRefused, host)
}

const spellings = {
  'numbers that read as an address': ['2130706433', '0x7f.1', '0177.1', '127.1', '0', '0x7f000001'],
  'digits and dots of other scripts': [
    '１２７.0.0.1',
    '①②⑦.0.0.1',
    '127。0。0。1',
    '%31%32%37.0.0.1',
  ],
  'IPv4 mapped into IPv6': [
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:a9fe:a9fe]',
    '[::ffff:0:7f00:1]',
  ],
  'IPv6 that is local or holds another address': [
    '[64:ff9b::7f00:1]',
    '[64:ff9b::808:808]',
    '[64:ff9b:1::1]',
    '[2002:7f00:1::]',
    '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    '[::127.0.0.1]',
    '[::8.8.8.8]',
    '[::]',
    '[::1]',
    '[fec0::1]',
    '[fe80::1]',
    '[ff02::1]',
    '[fd00:ec2::254]',
    '[100::1]',
    '[5f00::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[2a00:1::5efe:7f00:1]',
    '[2a00:1:2:3:200:5efe:808:808]',
  ],
  'metadata services': [
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'metadata.google.internal',
  ],
  'names of this machine and its network': [
    'localhost',
    'localhost.',
    'LOCALHOST',
    'x.localhost',
    'intranet',
    'db.internal',
    'printer.local',
    'nas.home.arpa',
    'x.onion',
    'metadata.google.internal.',
  ],
}

for (const [what, hosts] of Object.entries(spellings)) {
  test(`${what} are refused, and no name is looked up`, async () => {
    const guard = guardOf()
    for (const host of hosts) {
      const { hostname } = new URL(`https://${host}/`)
      await assert.rejects(guard.resolve(hostname, 443), DestinationRefused, host)
      await assert.rejects(guard.resolve(host, 443), DestinationRefused, `${host} unparsed`)
    }
    assert.deepEqual(guard.asked, [])
  })
}

test('text that is no host, or that carries a zone, a port or a user, is refused', async () => {
  const odd = ['', ' ', 'a b.example', 'fe80::1%lo', '[::1%25lo]', 'a@b.example', 'a.example:80']
  const more = ['a.example/x', 'a..example', '..', '127.0.0.1..', '127.1..', 'exa\tmple.com']
  for (const host of [...odd, ...more]) await refuses(host)
})

test('public addresses are given back as checked, IPv4 in IPv6 as the IPv4 address that it is', async () => {
  const guard = guardOf({ 'good.example': PUBLIC })
  const found = await guard.resolve('Good.Example.', 443)
  assert.deepEqual(
    found.map(({ address }) => address),
    PUBLIC,
  )
  assert.deepEqual(await guard.resolve('[::ffff:8.8.8.8]', 443), [
    { address: '8.8.8.8', family: 4 },
  ])
  assert.deepEqual(guard.asked, ['good.example'])
})

test('one forbidden answer among many refuses the whole name', async () => {
  const bad = ['127.0.0.1', '::1', '10.0.0.1', '::ffff:10.0.0.1', 'fe80::1%eth0', 'rubbish']
  const property = fc.asyncProperty(
    fc.subarray(PUBLIC),
    fc.constantFrom(...bad),
    fc.nat(4),
    async (good, forbidden, at) => {
      await refuses('mixed.example', { 'mixed.example': good.toSpliced(at, 0, forbidden) })
    },
  )
  await fc.assert(property, { numRuns: 60 })
})

/** First and last address of each forbidden IPv4 range, written apart from the code's own list. */
const FORBIDDEN = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '255.255.255.255'],
  ['168.63.129.16', '168.63.129.16'],
].map((ends) => ends.map(numberOf) as [number, number])

function numberOf(dotted: string): number {
  return dotted.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
}

function dotted(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')
}

function hexPair(number: number): string {
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
}

const spell: ((number: number) => string)[] = [
  dotted,
  String,
  (number) => `0x${number.toString(16)}`,
  (number) => `0${number.toString(8)}`,
  (number) => `${number >>> 24}.${number & 0xffffff}`,
  (number) => `[::ffff:${dotted(number)}]`,
  (number) => `[::ffff:${hexPair(number)}]`,
]
const disguise: ((number: number) => string)[] = [
  (number) => `[::${hexPair(number)}]`,
  (number) => `[64:ff9b::${hexPair(number)}]`,
  (number) => `[2002:${hexPair(number)}::1]`,
  (number) => `[2a00:1:2:3:0:5efe:${hexPair(number)}]`,
]

test('an IPv4 address in any spelling is refused exactly when it lies in a forbidden range', async () => {
  const edges = FORBIDDEN.flatMap(([first, last]) => [first - 1, first, last, last + 1])
  const inside = fc.constantFrom(...FORBIDDEN).chain(([min, max]) => fc.integer({ min, max }))
  const anywhere = fc.integer({ min: 0, max: 0xffffffff })
  const edge = fc.constantFrom(...edges.filter((each) => each >= 0 && each <= 0xffffffff))
  const property = fc.asyncProperty(
    fc.oneof(inside, anywhere, edge),
    fc.constantFrom(...spell),
    async (number, spelled) => {
      const { hostname } = new URL(`https://${spelled(number)}/`)
      const answer = await guardOf()
        .resolve(hostname, 443)
        .catch((error: unknown) => error)
      if (FORBIDDEN.some(([first, last]) => number >= first && number <= last)) {
        assert.ok(answer instanceof DestinationRefused, dotted(number))
      } else {
        assert.deepEqual(answer, [{ address: dotted(number), family: 4 }])
      }
    },
  )
  await fc.assert(property, { numRuns: 500 })
})

test('an IPv4 address hidden in IPv6 by any other means is refused even when it is public', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.constantFrom(...disguise),
    async (number, hidden) => refuses(hidden(number)),
  )
  await fc.assert(property, { numRuns: 200 })
})

test('IPv6 outside of 2000::/3 is refused, whatever follows', async () => {
  const group = fc.integer({ min: 0, max: 0xffff })
  const first = group.filter((value) => value >> 13 !== 1)
  const property = fc.asyncProperty(
    first,
    fc.array(group, { minLength: 7, maxLength: 7 }),
    async (head, tail) => {
      const groups = [head, ...tail]
      // Mapped addresses are judged as the IPv4 that they are.
      fc.pre(groups.slice(0, 6).join() !== '0,0,0,0,0,65535')
      await refuses(groups.map((value) => value.toString(16)).join(':'))
    },
  )
  await fc.assert(property, { numRuns: 300 })
})

test("this machine's own addresses are refused, also those that only the deployment knows", async () => {
  const guard = openAddressGuard({
    allow: [],
    own: () => ['93.184.216.34', '2606:4700:4700:0::1111'],
  })
  for (const own of ['93.184.216.34', '[::ffff:93.184.216.34]', '2606:4700:4700::1111']) {
    await assert.rejects(guard.resolve(own, 443), DestinationRefused)
  }
  await guard.resolve('93.184.216.35', 443)
  for (const { address } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
    await assert.rejects(guard.resolve(address, 443), DestinationRefused)
  }
})

test('the allow list opens what it names: address, range, port or name, and nothing else', async () => {
  const names = {
    'db.internal': ['10.9.9.9', 'fd00::9'],
    'rebound.example': ['127.0.0.1'],
    'nip.example': ['10.1.2.3'],
  }
  const allow = [
    '127.0.0.1:3000',
    '10.1.0.0/16',
    '[::1]:3000',
    '[fd00::/16]:8080',
    'db.internal:5432',
  ]
  const guard = guardOf(names, allow)
  const open: [string, number][] = [
    ['127.0.0.1', 3000],
    ['::ffff:127.0.0.1', 3000],
    ['::1', 3000],
    ['rebound.example', 3000],
    ['nip.example', 80],
    ['10.1.255.255', 1],
    ['fd00::1', 8080],
    ['DB.internal.', 5432],
  ]
  const closed: [string, number][] = [
    ['127.0.0.1', 3001],
    ['127.0.0.2', 3000],
    ['rebound.example', 443],
    ['10.2.0.0', 80],
    ['fd00::1', 8081],
    ['fd01::1', 8080],
    ['db.internal', 80],
    ['localhost', 3000],
  ]
  for (const [host, port] of open) await guard.resolve(host, port)
  for (const [host, port] of closed) {
    await assert.rejects(guard.resolve(host, port), DestinationRefused, `${host} ${port}`)
  }
})

test('a range of all IPv6 opens no IPv4, and the other way round', async () => {
  await assert.rejects(guardOf({}, ['::/0']).resolve('10.0.0.1', 80), DestinationRefused)
  await assert.rejects(guardOf({}, ['0.0.0.0/0']).resolve('::1', 80), DestinationRefused)
})

test('an allow list is read entry by entry, and a wrong one is named', () => {
  assert.deepEqual(parseAllow(''), [])
  assert.deepEqual(
    parseAllow('127.0.0.1, 10.0.0.0/8:8080\n::1 [::1]:3000 [fd00::/8]:1 Bücher.example'),
    [
      { host: '127.0.0.1' },
      { host: '10.0.0.0', prefixBits: 8, port: 8080 },
      { host: '::1' },
      { host: '::1', port: 3000 },
      { host: 'fd00::', prefixBits: 8, port: 1 },
      { host: 'xn--bcher-kva.example' },
    ],
  )
  const wrong = [
    '127.1',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/8/8',
    'a.example/8',
    'http://a.example',
  ]
  const more = [
    'a.example:0',
    'a.example:65536',
    'a.example:',
    '*.example',
    'a@b',
    '[::1',
    '1.2.3.4:x',
  ]
  for (const entry of [...wrong, ...more]) {
    assert.throws(
      () => parseAllow(`127.0.0.1,${entry}`),
      (error: Error) => error.message.includes(`"${entry}"`),
      entry,
    )
  }
})

test('a name without an answer is not resolved, whether the resolver fails, says nothing or hangs', async (t) => {
  await assert.rejects(guardOf().resolve('nowhere.example', 443), { code: 'ENOTFOUND' })
  await assert.rejects(
    guardOf({ 'empty.example': [] }).resolve('empty.example', 443),
    NameNotResolved,
  )

  t.mock.timers.enable({ apis: ['setTimeout'] })
  const hanging = openAddressGuard({ allow: [], lookup: () => new Promise(() => {}) })
  const answer = assert.rejects(hanging.resolve('slow.example', 443), { code: 'ETIMEOUT' })
  t.mock.timers.tick(5_000)
  await answer
})

test('lookups of dead name servers cannot pile up without end', async () => {
  const silent = Promise.withResolvers<{ address: string }[]>()
  const guard = openAddressGuard({ allow: [], lookup: () => silent.promise })
  const waiting = Array.from({ length: 256 }, (_, n) => guard.resolve(`n${n}.example`, 443))
  await assert.rejects(guard.resolve('one-more.example', 443), { code: 'EBUSY' })

  silent.resolve([{ address: '8.8.8.8' }])
  await Promise.all(waiting)
  assert.equal((await guard.resolve('one-more.example', 443)).length, 1)
})

test('a refusal tells nothing of what the name resolved to', async () => {
  const guard = guardOf({ 'secret.example': ['10.11.12.13'] })
  const error = await guard.resolve('secret.example', 443).catch((refusal: Error) => refusal)
  assert.ok(error instanceof DestinationRefused)
  assert.equal(error.message, 'destination not allowed')
  assert.doesNotMatch(JSON.stringify(error) + String(error.stack) + String(error.cause), /10\.11/)
})

test('a pinned lookup makes a socket go where was checked, for any name', async (t) => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  for (const autoSelectFamily of [true, false]) {
    const lookup = pinnedLookup([{ address: '127.0.0.1', family: 4 }])
    const socket = connect({ host: 'name.example', port, lookup, autoSelectFamily })
    await once(socket, 'connect')
    assert.equal(socket.remoteAddress, '127.0.0.1')
    socket.destroy()
  }
})
