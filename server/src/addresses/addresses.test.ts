import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { isForStaff } from '#access/index.ts'
import { type AnyRoute, servedPath } from '#kernel/http/route.ts'
import { eventually } from '#kernel/test-support.ts'
import { forAccount } from '#test/accounts.ts'
import { type Person, startApp, type TestApp } from '#test/app.ts'
import { TestClock } from '#test/clock.ts'
import { clearAllowlist } from './index.ts'

const ALLOWLIST = '/v1/admin/ip-allowlist'
const BLOCKS = '/v1/admin/rate-limits/blocks'
const OFFICE = { 'x-forwarded-for': '203.0.113.7' }
const ELSEWHERE = { 'x-forwarded-for': '198.51.100.1' }

const clock = new TestClock()
const app = await startApp({ env: { TRUSTED_PROXIES: '127.0.0.1' }, clock })
const root = await app.superAdmin()
after(() => app[Symbol.asyncDispose]())

/** Empties the lists when the test is over, also when it fails. */
function lists(): AsyncDisposable {
  const { db } = app.app.systemContext()
  return {
    [Symbol.asyncDispose]: async () => {
      await db.deleteFrom('adminAddresses').execute()
      await db.deleteFrom('addressBlocks').execute()
      await app.app.addresses.refresh()
    },
  }
}

async function allow(root: Person, ...ranges: string[]) {
  const body = { ranges: ranges.map((range) => ({ range, description: 'The office' })) }
  return root.put(ALLOWLIST, body, OFFICE)
}

function routesOf({ app }: TestApp): AnyRoute[] {
  return app.capabilities.flatMap((capability) => [...(capability.routes ?? [])])
}

/** How an upgrade is answered: 101, or why not. */
async function upgrade(app: TestApp, path: string, headers: Record<string, string>) {
  const socket = new WebSocket(app.url.replace('http', 'ws') + path, { headers })
  const { promise, resolve } = Promise.withResolvers<number>()
  socket.once('open', () => resolve(101))
  socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
  socket.on('error', () => undefined)
  return promise.finally(() => socket.terminate())
}

// First of all: in one window of the trail strangers have little room.
test('what an address was refused for is in the trail, a flood of it as one event with its number', async () => {
  await using _lists = lists()
  assert.equal((await allow(root, '203.0.113.0/24')).status, 200)
  const ELSEWHERE = { 'x-forwarded-for': '198.51.100.222' }
  for (let times = 0; times < 3; times++) await root.get(ALLOWLIST, ELSEWHERE)
  const { body } = await eventually('the event', async () => {
    const found = await root.get(
      '/v1/admin/audit?action=access.refused&address=198.51.100.222',
      OFFICE,
    )
    return found.body.items.length > 0 ? found : undefined
  })
  assert.equal(body.items.length, 1)
  assert.deepEqual(body.items[0].data, {
    wanted: 'GET /api/v1/admin/ip-allowlist',
    code: 'addresses.not_allowed',
    count: 1,
  })
})

test('T41: no route of staff is open from outside the allowlist, whatever the headers say, also to a super-admin', async () => {
  await using _lists = lists()
  assert.equal((await allow(root, '203.0.113.0/24', '2001:db8:7::/48')).status, 200)
  const staffs = routesOf(app).filter(
    ({ access }) => typeof access === 'string' && isForStaff(access),
  )
  assert.ok(staffs.length > 20, String(staffs.length))
  const outside = [
    '198.51.100.1',
    '203.0.113.7, 198.51.100.1',
    '::ffff:198.51.100.1',
    '::ffff:c633:6401',
    '2001:db8:8::7',
  ]
  for (const address of outside) {
    const spoofed = {
      'x-forwarded-for': address,
      'x-real-ip': '203.0.113.7',
      forwarded: 'for=203.0.113.7',
      'x-client-ip': '203.0.113.7',
      'true-client-ip': '203.0.113.7',
      'cf-connecting-ip': '203.0.113.7',
    }
    const codes = await Promise.all(
      staffs.map(async ({ method, path }) => {
        const at = servedPath(path).replaceAll(/:\w+/g, 'x')
        const authorization = `Bearer ${root.accessToken}`
        const { status, body } = await app.request(method, at, {
          headers: { authorization, ...spoofed },
        })
        return `${status} ${body.code}`
      }),
    )
    assert.deepEqual(new Set(codes), new Set(['403 addresses.not_allowed']), address)
  }
  for (const address of [
    '203.0.113.7',
    '::ffff:203.0.113.7',
    '::ffff:cb00:7107',
    '2001:db8:7::1',
  ]) {
    const { status } = await root.get(ALLOWLIST, { 'x-forwarded-for': address })
    assert.equal(status, 200, address)
  }
})

test('T41: without a trusted proxy nobody is elsewhere than their connection', async () => {
  await using app = await startApp()
  const root = await app.superAdmin()
  await root.post('/v1/auth/step-up', { password: root.password })
  const shut = await root.put(ALLOWLIST, { ranges: [{ range: '203.0.113.0/24' }] }, OFFICE)
  assert.deepEqual([shut.status, shut.body.code], [409, 'addresses.would_lock_out'])
  const mapped = await root.put(ALLOWLIST, { ranges: [{ range: '::ffff:127.0.0.0/104' }] }, OFFICE)
  assert.deepEqual([mapped.status, mapped.body.yourAddress], [200, '127.0.0.1'])
})

test('T41: from outside the allowlist staff have no power over the accounts of others, by no door', async () => {
  await using _lists = lists()
  const ann = await app.person('ann')
  const path = `/v1/accounts/${ann.accountId}`
  const made = await root.post('/v1/api-keys', { name: 'ci', scopes: ['accounts.read'] }, OFFICE)
  assert.equal(made.status, 201)
  const key = { authorization: `Bearer ${made.body.key}` }
  assert.equal((await root.get(path, OFFICE)).status, 200)
  assert.equal((await allow(root, '203.0.113.0/24')).status, 200)
  assert.equal((await root.get(path, OFFICE)).status, 200)
  const refused = await root.get(path, ELSEWHERE)
  assert.deepEqual([refused.status, refused.body.code], [403, 'addresses.not_allowed'])
  const byKey = await app.request('GET', path, { headers: { ...key, ...ELSEWHERE } })
  assert.ok([403, 404].includes(byKey.status), String(byKey.status))
  const elsewhere = { ...ELSEWHERE, ...forAccount(ann.accountId) }
  assert.equal((await root.get('/v1/sessions', elsewhere)).status, 403)
  const all = await root.get('/v1/accounts', ELSEWHERE)
  const ids = (all.body.items ?? []).map(({ id }: { id: string }) => id)
  assert.ok(!ids.includes(ann.accountId))
  assert.equal((await root.get('/v1/sessions', ELSEWHERE)).status, 200, 'their own account')
  assert.equal((await ann.get('/v1/sessions', ELSEWHERE)).status, 200, 'everybody else')
})

test('nobody locks themselves out, and the configuration and the command lead back in', async () => {
  await using app = await startApp({
    env: { TRUSTED_PROXIES: '127.0.0.1', ADMIN_ALLOWLIST: '192.0.2.9' },
  })
  const root = await app.superAdmin()
  const first = await root.get(ALLOWLIST, OFFICE)
  assert.deepEqual([first.status, first.body.code], [403, 'addresses.not_allowed'])
  const home = { 'x-forwarded-for': '192.0.2.9' }
  const shut = await root.put(ALLOWLIST, { ranges: [{ range: '203.0.113.0/24' }] }, home)
  assert.equal(shut.status, 200, 'the configured address stays allowed')
  const out = await root.put(ALLOWLIST, { ranges: [{ range: '198.51.100.0/24' }] }, OFFICE)
  assert.deepEqual([out.status, out.body.code], [409, 'addresses.would_lock_out'])
  const unblockable = await root.post(BLOCKS, { range: '192.0.2.0/24', reason: 'x' }, home)
  assert.equal(unblockable.status, 201)
  assert.equal(
    (await root.get(ALLOWLIST, home)).status,
    200,
    'a configured address is never blocked',
  )
  assert.equal(await clearAllowlist(app.app.systemContext()), 1)
  await eventually('the process to follow', async () => {
    const { status } = await root.get(ALLOWLIST, OFFICE)
    return status === 403
  })
})

test('the allowlist changes with a fresh proof only, and the trail tells who changed what', async () => {
  await using _lists = lists()
  const root = await app.superAdmin()
  const { db } = app.app.systemContext()
  await db
    .updateTable('signIns')
    .set({ steppedUpAt: null })
    .where('userId', '=', root.userId)
    .execute()
  const stale = await root.put(ALLOWLIST, { ranges: [] })
  assert.equal(stale.body.code, 'auth.step_up_required')
  await root.post('/v1/auth/step-up', { password: root.password })
  for (const range of ['127.0.0.1/33', 'office', '127.0.0.1/8/8', '127.1', '::1%eth0', '']) {
    assert.equal((await root.put(ALLOWLIST, { ranges: [{ range }] })).status, 400, range)
  }
  const twice = [{ range: '127.0.0.1' }, { range: '127.0.0.1' }]
  assert.equal((await root.put(ALLOWLIST, { ranges: twice })).status, 400)
  const ranges = [{ range: '127.0.0.1', description: 'Here' }, { range: '::1' }]
  assert.equal((await root.put(ALLOWLIST, { ranges })).status, 200)
  assert.equal((await root.put(ALLOWLIST, { ranges: [ranges[0]] })).status, 200)
  const { body } = await root.get(
    `/v1/admin/audit?action=addresses.allowlist_changed&actor=${root.userId}`,
  )
  const told: { ranges: number }[] = body.items.map(({ data }: { data: unknown }) => data)
  assert.deepEqual(
    told.toSorted((one, other) => one.ranges - other.ranges),
    [
      { list: 'admin', ranges: 1, added: [], removed: ['::1'] },
      { list: 'admin', ranges: 2, added: ['127.0.0.1', '::1'], removed: [] },
    ],
  )
})

test('a blocked range is refused everything before it is asked who it is, and what it has open is cut', async () => {
  await using _lists = lists()
  const ann = await app.person('ann')
  const auth = { authorization: `Bearer ${ann.accessToken}` }
  const query = '/socket.io/?EIO=4&transport=websocket'
  const socket = new WebSocket(app.url.replace('http', 'ws') + query, {
    headers: { ...auth, ...ELSEWHERE },
  })
  const joined = new Promise<void>((done) => {
    socket.on('message', (data) => {
      if (String(data).startsWith('0')) socket.send('40')
      if (String(data).startsWith('40')) done()
    })
  })
  const gone = new Promise<void>((done) => socket.once('close', () => done()))
  await joined
  const blocked = await root.post(
    BLOCKS,
    { range: '198.51.100.0/24', reason: 'Tries passwords' },
    OFFICE,
  )
  assert.equal(blocked.status, 201)
  await gone
  for (const path of ['/health/live', '/v1/users/me', '/v1/nothing', query, '/objects/x', '/']) {
    const { status, body } = await app.request('GET', path, { headers: { ...auth, ...ELSEWHERE } })
    assert.deepEqual([status, body.code], [403, 'addresses.blocked'], path)
  }
  for (const path of [query, '/cdp', '/live/ses_x/y']) {
    assert.equal(await upgrade(app, path, { ...auth, ...ELSEWHERE }), 403, path)
  }
  assert.equal((await ann.get('/v1/users/me', OFFICE)).status, 200)

  const lifted = await root.delete(`${BLOCKS}/${blocked.body.id}`, OFFICE)
  assert.equal(lifted.status, 204)
  assert.equal((await ann.get('/v1/users/me', ELSEWHERE)).status, 200)
  assert.equal((await root.delete(`${BLOCKS}/${blocked.body.id}`, OFFICE)).status, 404)
})

test('your own address cannot be blocked', async () => {
  await using _lists = lists()
  for (const range of ['203.0.113.7', '0.0.0.0/0', '::ffff:203.0.113.0/120']) {
    const { status, body } = await root.post(BLOCKS, { range, reason: 'x' }, OFFICE)
    assert.deepEqual([status, body.code], [409, 'addresses.would_lock_out'], range)
  }
})

test('a block of signing in leaves those who are in, and ends by itself', async () => {
  await using _lists = lists()
  const ann = await app.person('ann')
  const given = { range: '198.51.100.1', scope: 'sign_in', reason: 'Guesses' }
  const past = { ...given, expiresAt: new Date(+clock.now() - 1000).toISOString() }
  assert.equal(
    (await root.post(BLOCKS, past, OFFICE)).body.code,
    'addresses.block_ends_in_the_past',
  )
  const expiresAt = new Date(+clock.now() + 240_000).toISOString()
  assert.equal((await root.post(BLOCKS, { ...given, expiresAt }, OFFICE)).status, 201)
  const again = await root.post(BLOCKS, given, OFFICE)
  assert.deepEqual([again.status, again.body.code], [409, 'addresses.already_blocked'])
  const body = { email: ann.email, password: ann.password }
  const login = () => app.request('POST', '/v1/auth/login', { body, headers: ELSEWHERE })
  const refused = await login()
  assert.deepEqual([refused.status, refused.body.code], [403, 'addresses.sign_in_blocked'])
  assert.equal((await ann.get('/v1/users/me', ELSEWHERE)).status, 200)
  clock.advance(240_000)
  assert.equal(
    await eventually('the end of the block', async () => (await login()).status === 200),
    true,
  )
})
