import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Context } from '#kernel/context.ts'
import { codeOf } from '../test-support.ts'
import { makeKey } from './format.ts'
import { getKey, listKeys, revokeKey } from './service.ts'
import { addMember, DAY_MS, IP, openTestKeys } from './test-support.ts'

const app = await openTestKeys()
after(() => app[Symbol.asyncDispose]())
const { clock, db, tools } = app

const FIRST_PAGE = { limit: 100 }

async function kindsOf(ctx: Context): Promise<string[]> {
  const rows = await db
    .selectFrom('events')
    .select('kind')
    .where('accountId', '=', ctx.accountId)
    .where('kind', 'like', 'api_key.%')
    .orderBy('id')
    .execute()
  return rows.map(({ kind }) => kind)
}

test('a key acts for its account in the name of its maker', async () => {
  const ctx = await app.newcomer()
  const { row, key } = await app.make(ctx, { mode: 'test', name: 'nightly' })
  const { userId } = ctx.actor as { userId: string }
  assert.deepEqual(await app.use(key), {
    ...{ kind: 'key', keyId: row.id, userId, accountId: ctx.accountId },
    ...{ roles: ['account-owner'], scopes: ['sessions.*'] },
  })
  assert.deepEqual([row.mode, row.name, row.prefix], ['test', 'nightly', key.slice(0, 12)])
  assert.equal(row.expiresAt.getTime() - row.createdAt.getTime(), 90 * DAY_MS)
  assert.deepEqual(await kindsOf(ctx), ['api_key.created'])
})

test('a key does what its scopes say, and no more than its maker may by now', async () => {
  const ctx = await app.newcomer()
  const reads = await app.make(ctx, { scopes: ['sessions.read'] })
  const all = await app.make(ctx, { scopes: ['sessions.*'] })
  assert.ok(await app.may(reads.key, 'sessions.read'))
  assert.ok(!(await app.may(reads.key, 'sessions.write')))
  assert.ok(await app.may(all.key, 'sessions.write'))
  assert.ok(!(await app.may(all.key, 'keys.write')))
  const { userId } = ctx.actor as { userId: string }
  await app.asOwner(`update members set role = 'viewer' where user_id = '${userId}'`)
  clock.advance(5_000)
  assert.ok(await app.may(all.key, 'sessions.read'))
  assert.ok(!(await app.may(all.key, 'sessions.write')))
})

test('scopes that do not exist are named, and so are those that the maker does not hold', async () => {
  const ctx = await app.newcomer()
  const refusal = async (scopes: string[]) =>
    app.make(ctx, { scopes }).then(
      () => undefined,
      ({ code, facts }) => [code, facts.errors.map(({ path }: { path: string }) => path)],
    )
  const impossible = ['sessions.read', 'moons.read', 'keys.write', 'keys.*']
  const paths = [1, 2, 3].map((index) => `body.scopes.${index}`)
  assert.deepEqual(await refusal(impossible), ['request.invalid', paths])
  const foreign = ['settings.write', 'sessions.read', 'jobs.*']
  assert.deepEqual(await refusal(foreign), [
    'key.scope_not_held',
    ['body.scopes.0', 'body.scopes.2'],
  ])
  assert.deepEqual((await listKeys(ctx, FIRST_PAGE)).rows, [])
})

test('a key ends at its end, to the millisecond, whatever was found before', async () => {
  const ctx = await app.newcomer()
  const endMs = clock.now().getTime() + 1_000
  const { key } = await app.make(ctx, { expiresAt: new Date(endMs).toISOString() })
  clock.advance(999)
  await app.use(key)
  clock.advance(1)
  assert.equal(await codeOf(app.use(key)), 'auth.key_ended')
})

test('an end in the past or more than 5 years ahead is refused', async () => {
  const ctx = await app.newcomer()
  const at = (ms: number) => new Date(clock.now().getTime() + ms).toISOString()
  for (const expiresAt of [at(0), at(-1), at(6 * 365 * DAY_MS)]) {
    assert.equal(await codeOf(app.make(ctx, { expiresAt })), 'request.invalid', expiresAt)
  }
  const { row } = await app.make(ctx, { expiresAt: at(5 * 365 * DAY_MS) })
  const rotated = await app.rotate(ctx, row.id)
  assert.deepEqual(rotated.row.expiresAt, row.expiresAt)
})

test('a key that is bound to addresses counts from those alone', async () => {
  const ctx = await app.newcomer()
  const allowedAddresses = ['203.0.113.0/24', '2001:db8::/32']
  const { key } = await app.make(ctx, { allowedAddresses })
  for (const ip of ['203.0.113.200', '::ffff:203.0.113.200', '2001:db8:1::1']) {
    assert.equal((await app.use(key, ip)).kind, 'key', ip)
  }
  for (const ip of ['203.0.114.1', '2001:db9::1', '', 'unknown']) {
    assert.equal(await codeOf(app.use(key, ip)), 'auth.key_wrong_address', ip)
  }
})

test('a key dies with the right of its maker to act for the account', async () => {
  for (const change of [
    (userId: string) => `update users set status = 'disabled' where id = '${userId}'`,
    (userId: string) => `delete from members where user_id = '${userId}'`,
  ]) {
    const ctx = await app.newcomer()
    const { key } = await app.make(ctx)
    await app.use(key)
    await app.asOwner(change((ctx.actor as { userId: string }).userId))
    clock.advance(4_999)
    assert.equal(await codeOf(app.use(key)), 'auth.key_ended')
  }
})

test('what was never a key here is refused: mistyped without a query, unknown with one in a while', async () => {
  const ctx = await app.newcomer()
  const { key } = await app.make(ctx)
  const typed = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a')
  const { process, queries } = await app.openCounted()
  for (const text of [typed, key.slice(0, -1), 'gk_', 'gk_live_', key.toUpperCase(), `${key}a`]) {
    assert.equal(await codeOf(process.authenticateKey(text, IP)), 'auth.key_invalid', text)
  }
  assert.equal(queries(), 0)
  const unknown = makeKey('live')
  for (let time = 0; time < 10; time++) {
    assert.equal(await codeOf(process.authenticateKey(unknown, IP)), 'auth.key_invalid')
  }
  assert.equal(queries(), 2, 'the look-up, and the count of the guess')
})

test('one look-up serves all requests of a key for some seconds, also those that come together', async () => {
  const ctx = await app.newcomer()
  const { key } = await app.make(ctx)
  const { process, queries } = await app.openCounted()
  const together = Array.from({ length: 20 }, () => process.authenticateKey(key, IP))
  const [first, ...others] = await Promise.all(together)
  for (const other of others) assert.equal(other, first)
  clock.advance(3_900)
  assert.equal(await process.authenticateKey(key, IP), first)
  assert.ok(queries() <= 2, 'the look-up, and perhaps the note of its use')
})

test('guesses drive no key out of the memory', async () => {
  const ctx = await app.newcomer()
  const { key } = await app.make(ctx)
  const first = await app.use(key)
  for (let guess = 0; guess < 1_100; guess += 100) {
    const keys = Array.from({ length: 100 }, () => makeKey('live'))
    await Promise.all(keys.map((each) => codeOf(app.use(each))))
  }
  assert.equal(await app.use(key), first)
})

test('a revoked key is refused here at once and elsewhere within 5 s; it is announced once', async () => {
  const ctx = await app.newcomer()
  const { row, key } = await app.make(ctx)
  const elsewhere = await app.openAnother()
  await Promise.all([app.use(key), elsewhere.authenticateKey(key, IP)])
  await Promise.all([1, 2, 3].map(() => revokeKey(tools, ctx, row.id)))
  assert.equal(await codeOf(app.use(key)), 'auth.key_ended')
  clock.advance(4_999)
  assert.equal(await codeOf(elsewhere.authenticateKey(key, IP)), 'auth.key_ended')
  assert.deepEqual(await kindsOf(ctx), ['api_key.created', 'api_key.revoked'])
})

test('a rotated key counts beside its successor until the overlap ends', async () => {
  const ctx = await app.newcomer()
  const old = await app.make(ctx, { allowedAddresses: [IP], mode: 'test' })
  const elsewhere = await app.openAnother()
  await Promise.all([app.use(old.key), elsewhere.authenticateKey(old.key, IP)])
  const next = await app.rotate(ctx, old.row.id, { overlapSeconds: 3600 })
  const { scopes, allowedAddresses, mode, name } = next.row
  assert.deepEqual(
    [scopes, allowedAddresses, mode, name],
    [['sessions.*'], [IP], 'test', old.row.name],
  )
  assert.notEqual(next.key, old.key)
  clock.advance(3_599_999)
  for (const { key } of [old, next]) {
    await app.use(key)
    await elsewhere.authenticateKey(key, IP)
  }
  clock.advance(1)
  for (const identity of [app.identity, elsewhere]) {
    assert.equal(await codeOf(identity.authenticateKey(old.key, IP)), 'auth.key_ended')
    await identity.authenticateKey(next.key, IP)
  }
  assert.equal((await getKey(ctx, old.row.id)).replacedBy, next.row.id)
  assert.deepEqual(await kindsOf(ctx), ['api_key.created', 'api_key.rotated'])
})

test('without an overlap the old key ends with the rotation', async () => {
  const ctx = await app.newcomer()
  const old = await app.make(ctx)
  await app.use(old.key)
  const next = await app.rotate(ctx, old.row.id, { overlapSeconds: 0 })
  assert.equal(await codeOf(app.use(old.key)), 'auth.key_ended')
  await app.use(next.key)
})

test('of many rotations at once one wins, and the key has one successor', async () => {
  const ctx = await app.newcomer()
  const { row } = await app.make(ctx)
  const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(app.rotate(ctx, row.id))))
  assert.deepEqual(codes.sort(), [...Array(4).fill('key.wrong_state'), 'none'])
  assert.equal((await listKeys(ctx, FIRST_PAGE)).rows.length, 2)
  assert.deepEqual(await kindsOf(ctx), ['api_key.created', 'api_key.rotated'])
})

test('a rotation and a revocation at once never leave the revoked key in use', async () => {
  for (let round = 0; round < 5; round++) {
    const ctx = await app.newcomer()
    const { row, key } = await app.make(ctx)
    const [rotated] = await Promise.all([
      codeOf(app.rotate(ctx, row.id)),
      revokeKey(tools, ctx, row.id),
    ])
    assert.equal(await codeOf(app.use(key)), 'auth.key_ended')
    const { rows } = await listKeys(ctx, FIRST_PAGE)
    assert.equal(rows.length, rotated === 'none' ? 2 : 1)
    assert.ok(rows.find(({ id }) => id === row.id)!.revokedAt)
  }
})

test('a key that has ended is not rotated', async () => {
  const ctx = await app.newcomer()
  const [revoked, expired] = [await app.make(ctx), await app.make(ctx)]
  await revokeKey(tools, ctx, revoked.row.id)
  clock.advance(90 * DAY_MS)
  for (const { row } of [revoked, expired]) {
    assert.equal(await codeOf(app.rotate(ctx, row.id)), 'key.wrong_state')
  }
})

test('an account has 50 keys that count, however many are made at once; ended ones make room', async () => {
  const ctx = await app.newcomer()
  const codes = await Promise.all(Array.from({ length: 55 }, () => codeOf(app.make(ctx))))
  assert.equal(codes.filter((code) => code === 'none').length, 50)
  assert.equal(codes.filter((code) => code === 'key.limit_reached').length, 5)
  const { rows } = await listKeys(ctx, FIRST_PAGE)
  const [first, second] = rows
  await app.rotate(ctx, first!.id)
  assert.equal(await codeOf(app.make(ctx)), 'key.limit_reached')
  await revokeKey(tools, ctx, second!.id)
  assert.equal(await codeOf(app.make(ctx)), 'none')
})

test('keys of others are revoked by those who lead the account, and rotated by nobody', async () => {
  const owner = await app.newcomer()
  const [admin, member] = [
    await addMember(app, owner, 'admin'),
    await addMember(app, owner, 'member'),
  ]
  const [owners, admins] = [await app.make(owner), await app.make(admin)]
  for (const ctx of [admin, member]) {
    assert.equal(await codeOf(app.rotate(ctx, owners.row.id)), 'key.not_yours')
  }
  assert.equal(await codeOf(revokeKey(tools, member, admins.row.id)), 'key.not_yours')
  await app.use(admins.key)
  await revokeKey(tools, admin, owners.row.id)
  assert.equal(await codeOf(app.use(owners.key)), 'auth.key_ended')
})

test('the keys of another account are not there', async () => {
  const [ann, bob] = [await app.newcomer(), await app.newcomer()]
  const { row, key } = await app.make(ann)
  for (const attempt of [
    () => getKey(bob, row.id),
    () => revokeKey(tools, bob, row.id),
    () => app.rotate(bob, row.id),
  ]) {
    assert.equal(await codeOf(attempt()), 'key.not_found')
  }
  assert.deepEqual((await listKeys(bob, FIRST_PAGE)).rows, [])
  await app.use(key)
})

test('a key makes, shows and ends no keys, and is no person', async () => {
  const ctx = await app.newcomer()
  const { row, key } = await app.make(ctx)
  const program = app.kernel.contextFor({ actor: await app.use(key) })
  assert.equal(program.accountId, ctx.accountId)
  for (const attempt of [
    () => app.make(program),
    () => app.rotate(program, row.id),
    () => revokeKey(tools, program, row.id),
  ]) {
    assert.equal(await codeOf(attempt()), 'auth.key_not_allowed')
  }
})
