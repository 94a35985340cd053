import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { bootstrap, createBootstrapLink, createSuperAdmin } from './bootstrap.ts'
import type { Person } from './schema.ts'
import {
  ADDRESS,
  codeOf,
  hashesDuring,
  openTestIdentity,
  PASSWORD,
  type TestIdentity,
} from './test-support.ts'

const REFUSED = 'auth.bootstrap_refused'
const MINUTE_MS = 60 * 1000
const SUPER_ADMIN = ['super-admin', 'account-owner']

async function tokenFrom({ kernel }: TestIdentity): Promise<string> {
  const link = await createBootstrapLink(kernel.ctx, 'https://gantry.example')
  assert.match(link!, /^https:\/\/gantry\.example\/#setup=[\w-]{43}$/)
  return link!.split('=')[1]!
}

function use({ tools, nobody }: TestIdentity, token: string, change: Partial<Person> = {}) {
  const input = { token, email: 'root@example.com', password: PASSWORD, ...change }
  return bootstrap(tools, nobody, input, ADDRESS)
}

function admins({ db }: TestIdentity) {
  return db
    .selectFrom('users')
    .select('email')
    .where(sql<boolean>`platform_roles <> '{}'`)
    .execute()
}

test('the link makes a super-admin once, and is printed no more', async () => {
  await using app = await openTestIdentity()
  const token = await tokenFrom(app)
  const first = await use(app, token)
  assert.deepEqual(first.user.roles, SUPER_ADMIN)
  const { actor } = await app.ctxOf(first)
  assert.ok(actor.kind === 'user')
  assert.deepEqual(actor.roles, SUPER_ADMIN)
  assert.equal(await codeOf(use(app, token, { email: 'second@example.com' })), REFUSED)
  assert.equal(await createBootstrapLink(app.kernel.ctx, 'https://gantry.example'), undefined)
  const [event] = await app.eventsOf(first.user.id)
  assert.deepEqual(
    [event!.kind, event!.data.by, event!.data.roles],
    ['user.registered', 'bootstrap', SUPER_ADMIN],
  )
})

test('of many at once with the token, one wins', async () => {
  await using app = await openTestIdentity()
  const token = await tokenFrom(app)
  const tries = Array.from({ length: 10 }, (_, n) =>
    codeOf(use(app, token, { email: `root.${n}@example.com` })),
  )
  assert.deepEqual((await Promise.all(tries)).sort(), [...Array(9).fill(REFUSED), 'none'])
  assert.equal((await admins(app)).length, 1)
})

test('a wrong token, an old one and one that a newer link replaced are refused without hashing', async () => {
  await using app = await openTestIdentity()
  const replaced = await tokenFrom(app)
  const token = await tokenFrom(app)
  const hashes = await hashesDuring(async () => {
    assert.equal(await codeOf(use(app, replaced)), REFUSED)
    assert.equal(await codeOf(use(app, 'A'.repeat(43))), REFUSED)
    app.clock.advance(15 * MINUTE_MS)
    assert.equal(await codeOf(use(app, token)), REFUSED)
  })
  assert.equal(hashes, 0)
  assert.deepEqual(await admins(app), [])
  assert.equal((await use(app, await tokenFrom(app))).user.email, 'root@example.com')
})

test('a refusal for another reason leaves the token good', async () => {
  await using app = await openTestIdentity()
  const { user } = await app.join()
  const token = await tokenFrom(app)
  assert.equal(await codeOf(use(app, token, { email: user.email })), 'auth.email_taken')
  assert.equal(
    await codeOf(use(app, token, { password: 'aaaaaaaaaaaaaaaa' })),
    'auth.weak_password',
  )
  assert.deepEqual((await use(app, token)).user.roles, SUPER_ADMIN)
})

test('a link that is out is worth nothing once the operator has made a super-admin', async () => {
  await using app = await openTestIdentity()
  const { kernel, tools } = app
  const token = await tokenFrom(app)
  const make = (email: string) => createSuperAdmin(tools, kernel.ctx, { email, password: PASSWORD })
  const made = await make('operator@example.com')
  assert.deepEqual([made.roles, made.lastLoginAt], [SUPER_ADMIN, undefined])
  assert.equal(await codeOf(use(app, token)), REFUSED)
  assert.equal((await make('second@example.com')).email, 'second@example.com')
  assert.equal(await codeOf(make('operator@example.com')), 'auth.email_taken')
  assert.equal(await codeOf(make('not an address')), 'request.invalid')
  const weak = { email: 'third@example.com', password: 'qwertyuiopasdfgh' }
  assert.equal(await codeOf(createSuperAdmin(tools, kernel.ctx, weak)), 'auth.weak_password')
})

test('the token is kept as a hash only', async () => {
  await using app = await openTestIdentity()
  const token = await tokenFrom(app)
  const rows = await app.db.selectFrom('bootstrapTokens').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.ok(!rows[0]!.tokenHash.includes(Buffer.from(token, 'base64url')))
  assert.ok(!JSON.stringify(rows).includes(token))
})
