import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { systemClock } from '#kernel/clock.ts'
import { openLocalStore } from '#kernel/storage/local.ts'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { exportEntries } from './export.ts'
import { activityOf, bounded } from './search.ts'
import { readStoredHeads } from './stored-heads.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

type Person = Awaited<ReturnType<typeof app.person>>

const SETTINGS = '/v1/admin/feature-flags'
const agent = { 'user-agent': 'audit-test/1 (a "quoted", name)' }

async function flagName(root: Person): Promise<string> {
  const { body } = await root.get(SETTINGS)
  return body.items[0].name
}

/** Changes something that only admins may, with a correlation id of its own, which is returned. */
async function changeFlag(root: Person, headers: Record<string, string> = {}): Promise<string> {
  const correlationId = randomUUID()
  const name = await flagName(root)
  const now = (await root.get(SETTINGS)).body.items[0].value
  const answer = await root.put(
    SETTINGS,
    { [name]: !now },
    { 'x-correlation-id': correlationId, ...headers },
  )
  assert.equal(answer.status, 200)
  return correlationId
}

test('a privileged change is there at once: who, what, on what, from where, with which result', async () => {
  const root = await app.superAdmin()
  const correlationId = await changeFlag(root, agent)
  const { status, body } = await root.get(`/v1/admin/audit?correlationId=${correlationId}`)
  assert.equal(status, 200)
  const [entry] = body.items
  const { actor, action, target, result, address, agent: program, accountId } = entry
  assert.deepEqual(actor, { kind: 'user', userId: root.userId, roles: actor.roles })
  assert.ok(actor.roles.includes('super-admin'))
  assert.deepEqual([action, target], ['setting.changed', await flagName(root)])
  assert.deepEqual([result, address, program], ['succeeded', '127.0.0.1', agent['user-agent']])
  assert.equal(accountId, root.accountId)
  assert.deepEqual((await root.get(`/v1/admin/audit/${entry.id}`)).body.data, entry.data)
  await eventually('it is in the chain', async () => {
    const { body } = await root.get(`/v1/admin/audit/${entry.id}`)
    return /^[0-9a-f]{64}$/.test(body.hash) && body.sequence >= 1
  })
})

test('a failed sign-in is there as refused, with its address', async () => {
  const root = await app.superAdmin()
  const ann = await app.person('ann')
  const body = { email: ann.email, password: 'not the password at all' }
  assert.equal((await app.request('POST', '/v1/auth/login', { body, headers: agent })).status, 401)
  const query = `target=${ann.userId}&action=user.sign_in_failed&result=refused`
  const { items } = (await root.get(`/v1/admin/audit?${query}`)).body
  assert.deepEqual(
    items.map(({ actor, address, data }: never) => [actor, address, data]),
    [
      [
        { kind: 'anonymous' },
        '127.0.0.1',
        { ...items[0].data, reason: 'wrong_password', userId: ann.userId },
      ],
    ],
  )
})

test('what somebody may not do is there as refused: the first at once, repeats later', async () => {
  const root = await app.superAdmin()
  const ann = await app.person('ann')
  for (let times = 0; times < 30; times++) assert.equal((await ann.get(SETTINGS)).status, 403)
  assert.equal((await ann.post('/v1/admin/audit/verify')).status, 403)
  const trail = () => trailOf(root, ann, 'access.*')
  const expected = ['POST /api/v1/admin/audit/verify', `GET /api${SETTINGS}`]
  await eventually('both are there', async () => (await trail()).length === 2)
  assert.deepEqual((await trail()).map(({ target }) => target).sort(), expected.sort())
  for (const { result, data, address } of await trail()) {
    assert.deepEqual(
      [result, data.code, data.count, address],
      ['refused', 'auth.forbidden', 1, '127.0.0.1'],
    )
  }
})

/** Mails leave whenever a worker gets to them. */
const isNoMail = (text: string) => !text.includes('mail.sent')

function actionsOf(entries: { action: string }[]): string[] {
  return entries.map(({ action }) => action).filter(isNoMail)
}

test('each filter finds what fits it, and only that', async () => {
  const root = await app.superAdmin()
  const ann = await app.person('ann')
  const key = (
    await ann.post('/v1/api-keys', {
      name: 'nightly crawl',
      scopes: ['sessions.read'],
      mode: 'live',
    })
  ).body
  assert.ok(key.id, JSON.stringify(key))
  const found = async (query: string): Promise<string[]> => {
    const { status, body } = await root.get(`/v1/admin/audit?accountId=${ann.accountId}&${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return actionsOf(body.items)
  }
  const all = ['api_key.created', 'user.signed_in', 'user.registered']
  assert.deepEqual(await found(''), all)
  assert.deepEqual(await found(`actor=${ann.userId}`), all.slice(0, 2))
  assert.deepEqual(await found('action=user.*'), all.slice(1))
  assert.deepEqual(await found('action=user.registered'), ['user.registered'])
  assert.deepEqual(await found('action=user_*'), [])
  assert.deepEqual(await found(`target=${key.id}`), ['api_key.created'])
  assert.deepEqual(await found('result=refused'), [])
  assert.deepEqual(await found('address=127.0.0.1'), all)
  assert.deepEqual(await found('address=192.0.2.1'), [])
  assert.deepEqual(await found('q=nightly'), ['api_key.created'])
  assert.deepEqual(await found('q=CRAWL%20nightly'), ['api_key.created'])
  assert.deepEqual(await found('q=nightly%20moon'), [])
  assert.deepEqual(await found('to=2026-01-01T00:00:00Z'), [])
  assert.deepEqual(await found('from=2026-01-01T00:00:00Z'), all)
})

test('pages follow each other without a gap, and a cursor of another list is refused', async () => {
  const root = await app.superAdmin()
  const ann = await app.person('ann')
  const query = `accountId=${ann.accountId}&action=user.*&limit=1`
  const first = (await root.get(`/v1/admin/audit?${query}`)).body
  const rest = `/v1/admin/audit?${query}&cursor=`
  const second = (await root.get(rest + first.nextCursor)).body
  assert.deepEqual(
    [first.items[0].action, second.items[0].action, second.nextCursor],
    ['user.signed_in', 'user.registered', null],
  )
  assert.equal((await root.get(`/v1/admin/audit/heads?cursor=${first.nextCursor}`)).status, 400)
})

test('T66: searches that are no words, or patterns, are words or refused', async () => {
  const root = await app.superAdmin()
  for (const q of ["a' | b & !c:*", '%_%', '((((', '\\', 'x'.repeat(200), '"', '*']) {
    const { status } = await root.get(`/v1/admin/audit?q=${encodeURIComponent(q)}`)
    assert.equal(status, 200, q)
  }
  for (const query of [
    `q=${'x'.repeat(201)}`,
    'action=%25',
    'action=a*b',
    'action=*',
    'result=good',
    'from=0001-01-01T00:00:00Z',
    'sort=x',
  ]) {
    assert.equal((await root.get(`/v1/admin/audit?${query}`)).status, 400, query)
  }
})

test('T66: a search that takes too long is given up, and says how to narrow it', async () => {
  const ctx = app.app.systemContext()
  const search = bounded(ctx, ({ db }) => sql`select pg_sleep(60)`.execute(db))
  await assert.rejects(search, { code: 'audit.search_too_wide', status: 400 })
})

test('only those who run the installation read, export or verify', async () => {
  const ann = await app.person('ann')
  for (const path of ['', '/heads', '/export?from=2026-01-01T00:00:00Z', '/evt_x']) {
    assert.equal((await ann.get(`/v1/admin/audit${path}`)).status, 403, path)
  }
  const root = await app.superAdmin()
  assert.equal((await root.get('/v1/admin/audit/evt_x')).body.code, 'audit.not_found')
})

test('an export holds what fits, is safe for spreadsheets, and is an entry itself', async () => {
  const root = await app.superAdmin()
  const ann = await app.person('ann')
  const formula = { 'user-agent': '=HYPERLINK("http://evil.test","x")' }
  await ann.post(
    '/v1/api-keys',
    { name: 'a, "b"', scopes: ['sessions.read'], mode: 'live' },
    formula,
  )
  const query = `accountId=${ann.accountId}&from=${hoursAgo(1)}`
  const csv = await root.get(`/v1/admin/audit/export?${query}`)
  assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8')
  const lines = String(csv.body).trimEnd().split('\r\n').filter(isNoMail)
  assert.equal(lines.length, 4)
  assert.match(lines[3]!, /,"'=HYPERLINK\(""http:\/\/evil\.test"",""x""\)",/)
  assert.match(lines[3]!, /""name"":""a, \\""b\\"""",/)

  const json = await root.get(`/v1/admin/audit/export?format=json&${query}`)
  assert.deepEqual(actionsOf(json.body), ['user.registered', 'user.signed_in', 'api_key.created'])
  const trail = await trailOf(root, root, 'audit.*')
  assert.deepEqual(
    trail.map(({ data }) => data.format),
    ['json', 'csv'],
  )
  assert.deepEqual(trail[0]!.data.filters, ['accountId'])
})

test('an export of no time, or of more than a year, is refused', async () => {
  const root = await app.superAdmin()
  for (const query of [
    'from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z',
    'from=2020-01-01T00:00:00Z',
  ]) {
    const { status, body } = await root.get(`/v1/admin/audit/export?${query}`)
    assert.deepEqual([status, body.code], [400, 'audit.wrong_span'])
  }
  assert.equal((await root.get('/v1/admin/audit/export')).status, 400)
})

test('a verification is an operation that says whether all is as it was', async () => {
  const root = await app.superAdmin()
  const { status, body, headers } = await root.post('/v1/admin/audit/verify', { from: 1 })
  assert.equal(status, 202)
  assert.equal(headers.get('location'), `/api/v1/operations/${body.operationId}`)
  const operation = await eventually('it has ended', async () => {
    const { body: operation } = await root.get(`/v1/operations/${body.operationId}`)
    return operation.endedAt && operation
  })
  assert.equal(operation.status, 'succeeded', JSON.stringify(operation))
  assert.equal(operation.result.ok, true)
  assert.ok(operation.result.rows > 0)
})

test('a head is signed once for a day that is over, listed, and kept in the object store', async () => {
  const root = await app.superAdmin()
  const job = app.app.capabilities
    .flatMap(({ jobs = [] }) => jobs)
    .find(({ name }) => name === 'audit.sign_head')!
  const sign = () => app.app.systemContext().jobs.send(job, {})
  const heads = async () => (await root.get('/v1/admin/audit/heads')).body.items
  await eventually('something is linked', async () => {
    const { items } = (await root.get('/v1/admin/audit?limit=100')).body
    return items.some(({ sequence }: { sequence?: number }) => sequence !== undefined)
  })
  await sign()
  await eventually('it is signed', async () => (await heads()).length === 1)
  const [head] = await heads()
  assert.equal(head.day, new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10))
  const directory = join(app.home, 'objects')
  await using store = await openLocalStore({
    ...{ root: directory, publicUrl: () => '', signingKey: randomBytes(32), clock: systemClock },
  })
  const stored = () => readStoredHeads(store, new Date())
  await eventually('it is stored', async () => (await stored()).length === 1)
  assert.deepEqual(await stored(), [head])
  await sign()
  const { body } = await root.post('/v1/admin/audit/verify', { head })
  const { result } = await eventually('it is verified', async () => {
    const { body: operation } = await root.get(`/v1/operations/${body.operationId}`)
    return operation.endedAt && operation
  })
  assert.deepEqual([result.ok, result.heads], [true, 3])
  assert.equal((await heads()).length, 1)
})

test('activity is what a user did and what was done to them, in that account only', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  assert.equal((await ann.put('/v1/users/me', { firstName: 'Ann' })).status, 200)
  const ctx = app.app.systemContext()
  const { accountId, userId } = ann
  const first = await activityOf(ctx, { accountId, userId }, { limit: 2 })
  const cursor = first.nextCursor!
  const rest = await activityOf(ctx, { accountId, userId }, { limit: 2, cursor })
  const actions = [...first.items, ...rest.items].map(({ action }) => action)
  assert.deepEqual(actions, ['user.profile_changed', 'user.signed_in', 'user.registered'])
  const foreign = await activityOf(ctx, { accountId: bob.accountId, userId }, { limit: 20 })
  assert.deepEqual(foreign.items, [])
  await assert.rejects(activityOf(ctx, { accountId, userId: bob.userId }, { limit: 2, cursor }))
})

interface Entry {
  action: string
  target?: string
  result: string
  address?: string
  data: Record<string, unknown>
}

async function trailOf(root: Person, { userId }: Person, action: string): Promise<Entry[]> {
  return (await root.get(`/v1/admin/audit?actor=${userId}&action=${action}`)).body.items
}

function hoursAgo(hours: number): string {
  return new Date(Date.now() - hours * 60 * 60 * 1000).toISOString()
}

test('an export that nobody reads is given up, and leaves its place to others', async () => {
  const root = await app.superAdmin()
  const ctx = app.app.contextFor({
    actor: {
      kind: 'user',
      userId: root.userId,
      accountId: root.accountId,
      roles: [],
      signInId: 'x',
    },
  })
  const query = { format: 'csv', from: '2026-01-01T00:00:00.000Z' } as const
  const stalled = await Promise.all([1, 2, 3, 4].map(() => exportEntries(ctx, query, 20)))
  await eventually('all are given up', () => stalled.every(({ closed }) => closed))
  const file = await exportEntries(ctx, query)
  file.destroy()
})
