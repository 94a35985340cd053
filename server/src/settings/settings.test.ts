import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { defineFlag, defineSetting, RuntimeSettings } from '#kernel/runtime-settings.ts'
import type { Db } from '#kernel/db.ts'
import { serve } from '#kernel/test-http.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { settings } from './index.ts'

const limit = defineSetting({
  name: 'trial.limit',
  what: 'The most there may be',
  value: z.int().min(1).max(100),
  default: 10,
})
const colours = defineSetting({
  name: 'trial.colours',
  what: 'Colours on offer',
  value: z.strictObject({ names: z.array(z.string().min(1)) }),
  default: { names: ['red'] },
})
const fast = defineFlag({ name: 'trial.fast', what: 'Skip the long way', default: false })
const trial = { name: 'trial', summary: '', settings: [limit, colours], flags: [fast] }

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())

/** A server of its own, over the same stored values. */
async function start() {
  const stack = new AsyncDisposableStack()
  const kernel = stack.use(await openTestKernel({ address: database.address }))
  const runtime = stack.use(await RuntimeSettings.open(kernel.db, kernel.log, [trial]))
  const both = ['settings.read', 'settings.write']
  const users = { ann: both, bob: both, eve: ['settings.read'] }
  for (const name of Object.keys(users)) await signIn(kernel.db, name)
  const server = stack.use(await serve(kernel, [settings(() => runtime)], users))
  const config = (as: string, body?: unknown) =>
    server.request(body ? 'PUT' : 'GET', '/v1/admin/config', { as, body })
  return { kernel, runtime, server, config, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Signs in, with a fresh proof, whom `serve` knows by this name. */
async function signIn(db: Db, name: string): Promise<void> {
  const now = new Date()
  const times = { createdAt: now, updatedAt: now }
  const account = { id: `acc_${name}`, name, kind: 'personal', ...times } as const
  const email = `${name}@example.test`
  const ids = { id: `usr_${name}`, accountId: account.id }
  const user = {
    ...ids,
    email,
    emailKey: email,
    passwordHash: '$argon2id$',
    settings: '{}',
    ...times,
  }
  const end = new Date(now.getTime() + 60_000)
  const digest = Buffer.alloc(32)
  const device = {
    ...{ id: `sin_${name}`, userId: user.id, amr: ['pwd'], createdAt: now, lastActivityAt: now },
    ...{ expiresAt: end, idleExpiresAt: end, refreshedAt: now, steppedUpAt: now },
    ...{ refreshKey: digest, refreshCounter: 1, refreshHash: digest, refreshedBy: digest },
  }
  await db
    .insertInto('accounts')
    .values(account)
    .onConflict((row) => row.doNothing())
    .execute()
  await db
    .insertInto('users')
    .values(user)
    .onConflict((row) => row.doNothing())
    .execute()
  await db
    .insertInto('signIns')
    .values(device)
    .onConflict((row) => row.doNothing())
    .execute()
}

test('a setting has its default until an admin sets it, and then what the admin set', async () => {
  await using app = await start()
  const before = await app.config('eve')
  assert.deepEqual(before.body.items, [
    { name: 'trial.limit', what: 'The most there may be', value: 10, default: 10 },
    {
      ...{ name: 'trial.colours', what: 'Colours on offer' },
      value: colours.default,
      default: colours.default,
    },
  ])

  const changed = await app.config('ann', { 'trial.limit': 50 })
  assert.equal(changed.status, 200)
  assert.equal(changed.body.items[0].value, 50)
  assert.ok(Date.parse(changed.body.items[0].updatedAt))
  assert.deepEqual((await app.config('eve')).body, changed.body)
  await eventually('the process follows', () => app.runtime.get(limit) === 50)

  await using other = await start()
  assert.equal(other.runtime.get(limit), 50)
})

test('one wrong value changes nothing, and each fault is named by its path', async () => {
  await using app = await start()
  const before = (await app.config('ann')).body
  const refused = await app.config('ann', {
    'trial.limit': 0,
    'trial.colours': { names: ['blue', ''] },
    'trial.unheard_of': true,
  })
  assert.equal(refused.status, 400)
  assert.equal(refused.body.code, 'request.invalid')
  assert.deepEqual(
    refused.body.errors.map(({ path }: { path: string }) => path),
    ['body.trial.limit', 'body.trial.colours.names.1', 'body.trial.unheard_of'],
  )
  assert.deepEqual((await app.config('ann')).body, before)

  const partly = await app.config('ann', { 'trial.colours': { names: [] }, 'trial.limit': 'many' })
  assert.equal(partly.status, 400)
  assert.deepEqual((await app.config('ann')).body, before)
})

test('the history tells who changed what, page by page, and what stays the same is no change', async () => {
  await using app = await start()
  const events = () =>
    app.kernel.db
      .selectFrom('events')
      .select('data')
      .where('kind', '=', 'setting.changed')
      .orderBy('id')
      .execute()
  await app.config('ann', { 'trial.limit': 20 })
  await app.config('bob', { 'trial.limit': 30 })
  const count = (await events()).length
  await app.config('ann', { 'trial.limit': 30 })
  assert.equal((await events()).length, count)

  const page = (query: string) =>
    app.server.request('GET', `/v1/admin/config/history${query}`, { as: 'eve' })
  const first = await page('?limit=1')
  assert.equal(first.body.items.length, 1)
  const { id, at, ...change } = first.body.items[0]
  assert.match(id, /^chg_/)
  assert.ok(Date.parse(at))
  assert.deepEqual(change, { name: 'trial.limit', before: 20, after: 30, changedBy: 'usr_bob' })
  const second = await page(`?limit=1&cursor=${first.body.nextCursor}`)
  assert.equal(second.body.items[0].changedBy, 'usr_ann')
  assert.equal(second.body.items[0].after, 20)
  assert.deepEqual((await events()).at(-1)?.data, {
    ...{ name: 'trial.limit', kind: 'setting', before: 20, after: 30 },
  })
})

test('of changes at once each sees the one before: the history has no gap', async () => {
  await using app = await start()
  const values = Array.from({ length: 12 }, (_, index) => 60 + index)
  await Promise.all(values.map((value) => app.config('ann', { 'trial.limit': value })))
  const { body } = await app.server.request('GET', '/v1/admin/config/history?limit=12', {
    as: 'ann',
  })
  const changes: { before: number; after: number }[] = body.items
  const chained = new Map(changes.map(({ before, after }) => [before, after]))
  assert.equal(chained.size, values.length)
  let last = changes.find(({ before }) => !values.includes(before))!.before
  for (const _ of values) last = chained.get(last)!
  assert.equal((await app.config('ann')).body.items[0].value, last)
})

test('a flag is switched on and off, and has a history of its own', async () => {
  await using app = await start()
  const flags = (body?: unknown) =>
    app.server.request(body ? 'PUT' : 'GET', '/v1/admin/feature-flags', { as: 'ann', body })
  assert.deepEqual((await flags()).body.items, [
    { name: 'trial.fast', what: 'Skip the long way', value: false, default: false },
  ])
  assert.equal((await flags({ 'trial.fast': true })).body.items[0].value, true)
  await eventually('the process follows', () => app.runtime.isOn(fast))
  assert.equal((await flags({ 'trial.fast': 'yes' })).status, 400)
  assert.equal((await flags({ 'trial.limit': true })).status, 400)

  const history = await app.server.request('GET', '/v1/admin/feature-flags/history', { as: 'ann' })
  assert.deepEqual(
    history.body.items.map(({ name, before, after }: Record<string, unknown>) => [
      name,
      before,
      after,
    ]),
    [['trial.fast', null, true]],
  )
})

test('what an older version stored and no longer fits counts as unset', async () => {
  await using app = await start()
  const at = new Date()
  await app.kernel.db
    .insertInto('runtimeSettings')
    .values({ name: 'trial.colours', value: '"mauve"', updatedAt: at })
    .execute()
  await app.runtime.refresh()
  assert.deepEqual(app.runtime.get(colours), { names: ['red'] })
  const [, shown] = (await app.config('ann')).body.items
  assert.deepEqual(shown.value, { names: ['red'] })
  assert.ok(!('updatedAt' in shown))
})

test('reading needs settings.read, changing needs settings.write', async () => {
  await using app = await start()
  assert.equal((await app.config('eve', { 'trial.limit': 5 })).status, 403)
  assert.equal((await app.server.request('GET', '/v1/admin/config')).status, 401)
})

test('changing takes a fresh proof of who it is', async () => {
  await using app = await start()
  await app.kernel.db
    .updateTable('signIns')
    .set({ steppedUpAt: new Date(Date.now() - 5 * 60_000) })
    .where('id', '=', 'sin_bob')
    .execute()
  for (const path of ['/v1/admin/config', '/v1/admin/feature-flags']) {
    const { status, body } = await app.server.request('PUT', path, { as: 'bob', body: {} })
    assert.deepEqual([status, body.code], [403, 'auth.step_up_required'], path)
    assert.equal((await app.server.request('GET', path, { as: 'bob' })).status, 200)
  }
})
