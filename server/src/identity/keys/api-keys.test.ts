import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Writable } from 'node:stream'
import { loadConfig } from '#kernel/config.ts'
import { openHome } from '#kernel/home.ts'
import { openLog } from '#kernel/log.ts'
import { eventually } from '#kernel/test-support.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { type Person, startApp, TestApp } from '#test/app.ts'
import { cloneDatabase } from '#test/database.ts'
import { makeDirectory } from '#test/directory.ts'
import { App } from '../../app.ts'
import { makeKey } from './format.ts'

// Loopback plays the proxy, so that a test can say where its requests come from.
const app = await startApp({ env: { TRUSTED_PROXIES: '127.0.0.1' } })
after(() => app[Symbol.asyncDispose]())

const KEYS = '/v1/api-keys'
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const make = (person: Person, wanted = {}) =>
  person.post(KEYS, { name: 'a program', scopes: ['sessions.*'], ...wanted })
const get = (key: string, path = '/v1/sessions', headers = {}) =>
  app.request('GET', path, { headers: { ...bearer(key), ...headers } })
const brief = ({ status, body }: { status: number; body: { code?: string } }) => [status, body.code]

test('the life of a key: made, used, rotated, revoked, and its secret shown only when it is made', async () => {
  const ann = await app.person()
  const made = await make(ann, { mode: 'test', allowedAddresses: ['127.0.0.0/8'] })
  assert.equal(made.status, 201)
  const { key, ...shown } = made.body
  assert.match(key, /^gk_test_/)
  assert.deepEqual([shown.prefix, shown.status, shown.mode], [key.slice(0, 12), 'active', 'test'])
  assert.deepEqual((await ann.get(`${KEYS}/${shown.id}`)).body, shown)
  assert.deepEqual((await ann.get(KEYS)).body, { items: [shown], nextCursor: null })

  assert.deepEqual((await get(key)).body.items, [])
  const rotated = await ann.post(`${KEYS}/${shown.id}/rotate`)
  assert.equal(rotated.status, 201)
  const { body: old } = await ann.get(`${KEYS}/${shown.id}`)
  assert.deepEqual([old.status, old.replacedBy], ['rotated', rotated.body.id])
  for (const each of [key, rotated.body.key]) assert.equal((await get(each)).status, 200)

  for (let time = 0; time < 2; time++) {
    assert.equal((await ann.delete(`${KEYS}/${rotated.body.id}`)).status, 204)
  }
  const refused = await get(rotated.body.key)
  assert.deepEqual(brief(refused), [401, 'auth.key_ended'])
  assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
  const statuses = (await ann.get(KEYS)).body.items.map(({ status }: { status: string }) => status)
  assert.deepEqual(statuses, ['revoked', 'rotated'])
  const kinds = (await app.eventKinds(ann.accountId)).filter((kind) => kind.startsWith('api_key'))
  assert.deepEqual(kinds, ['api_key.created', 'api_key.rotated', 'api_key.revoked'])
})

test('a key that does not count is refused with the reason', async () => {
  const ann = await app.person()
  const { key } = (await make(ann)).body
  const mistyped = key.slice(0, -2) + key.at(-1) + key.at(-2)
  const wrong = key.at(-1) === key.at(-2) ? `${key}a` : mistyped
  for (const text of [wrong, key.slice(0, 20), makeKey('live')]) {
    assert.deepEqual(brief(await get(text)), [401, 'auth.key_invalid'])
  }
  assert.match((await get(wrong)).body.detail, /mistyped/)
  const expiresAt = new Date(Date.now() + 5_000).toISOString()
  const short = await make(ann, { expiresAt })
  await eventually('it has ended', async () => {
    const { status, body } = await get(short.body.key)
    if (status === 200) return false
    assert.equal(body.code, 'auth.key_ended')
    assert.ok(body.detail.includes(expiresAt), body.detail)
    return true
  })
})

test('a key counts from its addresses alone, as trusted proxies tell them', async () => {
  const ann = await app.person()
  const { key } = (await make(ann, { allowedAddresses: ['203.0.113.0/24'] })).body
  const from = (address: string) => ({ 'x-forwarded-for': address })
  assert.equal((await get(key, '/v1/sessions', from('203.0.113.9'))).status, 200)
  const refused = await get(key, '/v1/sessions', from('198.51.100.1, 198.51.100.2'))
  assert.deepEqual(brief(refused), [403, 'auth.key_wrong_address'])
  assert.match(refused.body.detail, /198\.51\.100\.2/)
  assert.equal((await get(key)).status, 403)
})

test('a key reads with the scope to read, and is told what it lacks', async () => {
  const ann = await app.person()
  const { key } = (await make(ann, { scopes: ['sessions.read'] })).body
  assert.equal((await get(key)).status, 200)
  const refused = await app.request('POST', '/v1/sessions', { headers: bearer(key) })
  assert.deepEqual(brief(refused), [403, 'auth.forbidden'])
  assert.match(refused.body.detail, /`sessions\.write`.*scopes/)
})

test('a key is no person: it makes, shows and ends no keys, and touches no profile or sign-in', async () => {
  const ann = await app.person()
  const { key, id } = (await make(ann)).body
  const headers = { ...bearer(key), 'content-type': 'application/json' }
  const send = (method: string, path: string, body?: unknown) =>
    app.request(method, path, { headers, body })
  const ofKeys = [
    await send('GET', KEYS),
    await send('GET', `${KEYS}/${id}`),
    await send('POST', KEYS, { name: 'more', scopes: ['sessions.read'] }),
    await send('POST', `${KEYS}/${id}/rotate`, {}),
    await app.request('DELETE', `${KEYS}/${id}`, { headers: bearer(key) }),
  ]
  for (const answer of ofKeys) assert.deepEqual(brief(answer), [403, 'auth.forbidden'])
  const ofPeople = [
    await send('PUT', '/v1/users/me', { firstName: 'Eve' }),
    await send('GET', '/v1/users/settings'),
    await send('PUT', '/v1/users/settings', { theme: 'dark' }),
    await app.request('POST', '/v1/auth/logout', { headers: bearer(key) }),
  ]
  for (const answer of ofPeople) assert.deepEqual(brief(answer), [403, 'auth.key_not_allowed'])
  const me = await get(key, '/v1/users/me')
  assert.deepEqual([me.status, me.body.id], [200, ann.userId])
  assert.equal((await get(key, '/v1/roles')).status, 200)
})

test('nobody makes a key that is for somebody else, or that can do what nobody may', async () => {
  const [ann, bob] = [await app.person(), await app.person('bob')]
  for (const [wanted, path] of [
    [{ userId: bob.userId }, 'body'],
    [{ accountId: bob.accountId }, 'body'],
    [{ scopes: ['keys.write'] }, 'body.scopes.0'],
    [{ scopes: ['*'] }, 'body.scopes.0'],
    [{ scopes: [] }, 'body.scopes'],
    [{ scopes: ['sessions.read', 'sessions.read'] }, 'body.scopes'],
    [{ allowedAddresses: ['everywhere'] }, 'body.allowedAddresses.0'],
    [{ expiresAt: '2001-01-01T00:00:00Z' }, 'body.expiresAt'],
    [{ name: ' ' }, 'body.name'],
  ] as const) {
    const { status, body } = await make(ann, wanted)
    assert.deepEqual([status, body.code, body.errors[0].path], [400, 'request.invalid', path])
  }
  const refused = await make(ann, { scopes: ['settings.write'] })
  assert.deepEqual(brief(refused), [403, 'key.scope_not_held'])
  assert.match(refused.body.detail, /`settings\.write`/)
  const { id } = (await make(ann)).body
  for (const answer of [
    await bob.get(`${KEYS}/${id}`),
    await bob.delete(`${KEYS}/${id}`),
    await bob.post(`${KEYS}/${id}/rotate`, {}),
  ]) {
    assert.deepEqual(brief(answer), [404, 'key.not_found'])
  }
})

test('the same request with the same idempotency key makes one key and shows it again', async () => {
  const ann = await app.person()
  const headers = { 'idempotency-key': 'make-1' }
  const input = { name: 'a program', scopes: ['sessions.read'] }
  const [first, second] = [
    await ann.post(KEYS, input, headers),
    await ann.post(KEYS, input, headers),
  ]
  assert.deepEqual([first.status, second.status], [201, 201])
  assert.equal(second.headers.get('idempotency-replayed'), 'true')
  assert.deepEqual(second.body, first.body)
  const rotate = () =>
    ann.post(`${KEYS}/${first.body.id}/rotate`, {}, { 'idempotency-key': 'rotate-1' })
  const [rotated, again] = [await rotate(), await rotate()]
  assert.deepEqual(again.body, rotated.body)
  assert.equal((await get(again.body.key)).status, 200)
  assert.equal((await ann.get(KEYS)).body.items.length, 2)
})

test('a super-admin’s key reads as far as its scopes say, and changes no setting', async () => {
  const root = await app.superAdmin()
  const { key } = (await make(root, { scopes: ['settings.*', 'jobs.read'] })).body
  assert.equal((await get(key, '/v1/admin/jobs')).status, 200)
  assert.equal((await get(key, '/v1/admin/errors')).status, 403)
  const flags = '/v1/admin/feature-flags'
  const body = { 'browsers.new_sessions': false }
  const changed = await app.request('PUT', flags, { headers: bearer(key), body })
  assert.deepEqual(brief(changed), [403, 'auth.key_not_allowed'])
  assert.equal((await get(key, `${flags}/history`)).status, 200)
})

test('over two processes and a real clock, a revoked key is refused within 5 s, and no secret is in log or event', async () => {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await cloneDatabase())
  const directory = await makeDirectory('gantry-keys')
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  let lines = ''
  const destination = new Writable({
    write: (chunk, _encoding, done) => ((lines += String(chunk)), done()),
  })
  const open = async () => {
    const home = await openHome({
      ...{ wanted: join(directory, 'home'), checkout: directory, users: await findUsers([]) },
    })
    const log = stack.use(
      await openLog({ levels: { default: 'trace', byCategory: {} }, console: 'json', destination }),
    )
    const env = {
      PORT: '0',
      DATABASE_URL: 'postgres://set.by/test',
      LOG_FILES: 'off',
      ROLES: 'api',
    }
    const opened = await App.open({
      ...{ config: loadConfig(env), home, users: await findUsers([]), log },
      ...{ database: database.address, passwordCost: { memoryKib: 64, passes: 1, parallelism: 1 } },
    })
    stack.defer(() => opened.stop(10_000))
    return new TestApp(opened, home.path, async () => {})
  }
  const [here, there] = [await open(), await open()]
  const ann = await here.person()
  const { key, id } = (await make(ann)).body
  const rotated = (await ann.post(`${KEYS}/${id}/rotate`, {})).body.key
  const use = (at: TestApp, text: string) =>
    at.request('GET', `/v1/sessions?limit=1`, { headers: bearer(text) })
  for (const at of [here, there]) {
    for (const each of [key, rotated]) assert.equal((await use(at, each)).status, 200)
  }
  await ann.delete(`${KEYS}/${id}`)
  const revokedMs = performance.now()
  assert.equal((await use(here, key)).status, 401)
  for (;;) {
    const askedMs = performance.now()
    if ((await use(there, key)).status === 401) break
    assert.ok(askedMs - revokedMs < 5_000, 'it still counts after 5 s')
    await sleep(100)
  }
  assert.equal((await use(there, `${key}x`)).status, 401)
  const { db } = here.app.systemContext()
  const rows = [
    await db.selectFrom('events').selectAll().execute(),
    await db.selectFrom('apiKeys').selectAll().execute(),
  ]
  await eventually('it is logged', () => lines.includes('"status":401'))
  assert.ok(JSON.stringify(rows).includes(key.slice(0, 12)))
  for (const text of [lines, JSON.stringify(rows), JSON.stringify((await ann.get(KEYS)).body)]) {
    for (const each of [key, rotated]) {
      assert.ok(!text.includes(each.slice(0, 20)) && !text.includes(each.slice(-20)))
    }
  }
})
