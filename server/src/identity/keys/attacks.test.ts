import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isForStaff } from '#access/index.ts'
import { TestClock } from '#identity/test-support.ts'
import { type AnyRoute, servedPath } from '#kernel/http/route.ts'
import { addMember, appoint, forAccount, found } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'
import { makeKey } from './format.ts'

// Loopback plays the proxy, so that a test can say where its requests come from.
const clock = new TestClock()
const app = await startApp({ env: { TRUSTED_PROXIES: '127.0.0.1' }, clock })
after(() => app[Symbol.asyncDispose]())

const KEYS = '/v1/api-keys'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const INVALID = [401, 'auth.key_invalid']
const ENDED = [401, 'auth.key_ended']

async function make(person: Person, wanted = {}): Promise<{ id: string; key: string }> {
  const { status, body } = await person.post(KEYS, {
    ...{ name: 'a program', scopes: ['sessions.*'] },
    ...wanted,
  })
  assert.equal(status, 201)
  return body
}

async function call(
  key: string,
  headers = {},
  method = 'GET',
  path = '/v1/sessions',
  body?: object,
) {
  const given = { authorization: `Bearer ${key}`, ...headers }
  const answer = await app.request(method, path, { headers: given, ...(body && { body }) })
  return [answer.status, ...(answer.body.code ? [answer.body.code] : [])]
}

/** With the checksum that belongs to it, as whoever knows the format makes it. */
function withChecksum(text: string): string {
  let rest = crc32(text)
  let sum = ''
  for (let place = 0; place < 6; place++, rest = Math.floor(rest / 62))
    sum = DIGITS[rest % 62] + sum
  return text + sum
}

test('T36: a key with a wrong checksum, cut, grown or of another environment is no key', async () => {
  const { key } = await make(await app.person())
  assert.deepEqual(await call(key), [200])
  const body = key.slice(0, -6)
  assert.equal(withChecksum(body), key, 'the checksum is made here as there')
  const other = key.endsWith('0') ? '1' : '0'
  const attacks = {
    'a wrong checksum': key.slice(0, -1) + other,
    'another secret under the same checksum': `${body.slice(0, -1)}${body.endsWith('a') ? 'b' : 'a'}${key.slice(-6)}`,
    'without its checksum': body,
    'cut by one': key.slice(0, -1),
    'cut, and whole again': withChecksum(body.slice(0, -1)),
    'grown, and whole again': withChecksum(`${body}a`),
    'of the test environment, and whole again': withChecksum(body.replace('gk_live_', 'gk_test_')),
    'of an environment that there is not': withChecksum(body.replace('gk_live_', 'gk_prod_')),
    'in capitals': withChecksum(body.replace('gk_live_', 'GK_LIVE_')),
    'of nobody': makeKey('live'),
    'its beginning': key.slice(0, 12),
  }
  for (const [what, attack] of Object.entries(attacks)) {
    const [status, code] = await call(attack)
    assert.equal(status, 401, what)
    assert.ok(['auth.key_invalid', 'auth.unauthenticated'].includes(String(code)), what)
  }
  assert.deepEqual(await call(attacks['of the test environment, and whole again']), INVALID)
  assert.deepEqual(await call(key), [200])
})

test('T36: a key that was revoked, has expired or comes from outside its addresses is refused', async () => {
  const ann = await app.person()
  const revoked = await make(ann)
  assert.equal((await ann.delete(`${KEYS}/${revoked.id}`)).status, 204)
  assert.deepEqual(await call(revoked.key), ENDED)

  const bound = await make(ann, { allowedAddresses: ['203.0.113.0/24', '2001:db8:7::/48'] })
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const wrong = [403, 'auth.key_wrong_address']
  const outside = [
    ...['198.51.100.1', '203.0.114.1', '2001:db8:8::1', '::ffff:198.51.100.1'],
    ...['203.0.113.7, 198.51.100.1', '203.0.113.7, nonsense'],
  ]
  for (const address of outside)
    assert.deepEqual(await call(bound.key, from(address)), wrong, address)
  for (const address of ['203.0.113.7', '::ffff:203.0.113.7', '2001:db8:7::1']) {
    assert.deepEqual(await call(bound.key, from(address)), [200], address)
  }

  const expiresAt = new Date(clock.now().getTime() + 60_000).toISOString()
  const short = await make(ann, { expiresAt })
  assert.deepEqual(await call(short.key), [200])
  clock.advance(60_000)
  assert.deepEqual(await call(short.key), ENDED)
})

test('T36: a key does no more than its maker may by now', async () => {
  const [root, ann] = [await app.superAdmin(), await app.person()]
  const account = await found(root, app.unique('org'))
  await addMember(app, account, ann, 'member')
  const made = await ann.post(KEYS, { name: 'ci', scopes: ['sessions.*'] }, forAccount(account))
  assert.equal(made.status, 201)
  const { key } = made.body
  const session = ['POST', '/v1/sessions', {}] as const
  assert.notEqual((await call(key, {}, ...session))[0], 403)
  const { db } = app.app.systemContext()
  const set = async (role: 'viewer' | 'member') => {
    await db
      .updateTable('members')
      .set({ role })
      .where('userId', '=', ann.userId)
      .where('accountId', '=', account)
      .execute()
    app.app.identity.tools.userChanged(ann.userId)
  }
  await set('viewer')
  assert.deepEqual(await call(key, {}, ...session), [403, 'auth.forbidden'])
  assert.deepEqual(await call(key), [200])
  await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', ann.userId).execute()
  app.app.identity.tools.userChanged(ann.userId)
  assert.equal((await call(key))[0], 401)
})

test('T36: a key makes no key and reaches nothing of staff that its scopes do not name', async () => {
  const root = await app.superAdmin()
  const { key } = await make(root, { scopes: ['sessions.*', 'accounts.*'] })
  for (const scopes of [['keys.write'], ['keys.*'], ['*'], ['admin.*']]) {
    const { status } = await root.post(KEYS, { name: 'x', scopes })
    assert.equal(status, 400, String(scopes))
  }
  const { id } = await make(root)
  const tries = [
    ['POST', KEYS],
    ['POST', `${KEYS}/${id}/rotate`],
    ['DELETE', `${KEYS}/${id}`],
    ['POST', '/v1/auth/change-password'],
    ['POST', '/v1/auth/2fa/enroll'],
  ] as const
  for (const [method, path] of tries) {
    const [status] = await call(key, {}, method, path, { name: 'x', scopes: ['sessions.*'] })
    assert.equal(status, 403, path)
  }
  const routes: AnyRoute[] = app.app.capabilities.flatMap((one) => [...(one.routes ?? [])])
  const staffs = routes.filter(
    ({ access }) =>
      typeof access === 'string' && isForStaff(access) && !access.startsWith('accounts.'),
  )
  assert.ok(staffs.length > 20)
  for (const { method, path } of staffs) {
    const at = servedPath(path).replaceAll(/:\w+/g, 'x')
    assert.deepEqual(await call(key, {}, method, at), [403, 'auth.forbidden'], path)
  }
})

test('T36: no member of a body says whose key it is', async () => {
  const [ann, victim] = [await app.person(), await app.person('victim')]
  for (const member of ['userId', 'accountId', 'createdBy', 'tenantId', 'roles', 'secret', 'key']) {
    const body = { name: 'x', scopes: ['sessions.*'], [member]: victim.userId }
    const { status, body: problem } = await ann.post(KEYS, body)
    assert.deepEqual([status, problem.code], [400, 'request.invalid'], member)
    const stranger = await app.request('POST', KEYS, { body })
    assert.equal(stranger.status, 401, member)
  }
  assert.deepEqual((await victim.get(KEYS)).body.items, [])
  const elsewhere = await ann.post(
    KEYS,
    { name: 'x', scopes: ['sessions.*'] },
    forAccount(victim.accountId),
  )
  assert.equal(elsewhere.status, 404)
})

test('T36: the key of a demoted super-admin reaches nothing of staff', async () => {
  const ann = await app.person()
  await appoint(app, ann, 'admin')
  const { key } = await make(ann, { scopes: ['fleet.read'] })
  const nodes = ['GET', '/v1/fleet/nodes'] as const
  assert.deepEqual(await call(key, {}, ...nodes), [200])
  await appoint(app, ann)
  assert.deepEqual(await call(key, {}, ...nodes), [403, 'auth.forbidden'])
})
