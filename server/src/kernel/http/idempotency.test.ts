import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import type { Context } from '../context.ts'
import { defineProblems, Problem } from '../problem.ts'
import { serve } from '../test-http.ts'
import { openTestKernel } from '../test-kernel.ts'
import { bindKey, claimKey, type Claim, purgeExpiredKeys, releaseKey } from './idempotency.ts'
import { route } from './route.ts'

let now = new Date('2026-11-20T12:00:00Z')
const pass = (ms: number) => (now = new Date(now.getTime() + ms))
const clock = { now: () => now, monotonicMs: () => performance.now() }

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address, clock })

const { failed } = defineProblems({ failed: { code: 'trial.failed', status: 409, title: 'No' } })
const Thing = z.strictObject({ id: z.string(), name: z.string() })
/** How often the handler has begun, by name; what it does then, by name. */
const runs = new Map<string, number>()
const fates = new Map<string, (ctx: Context) => void>()

async function make(ctx: Context, name: string) {
  runs.set(name, (runs.get(name) ?? 0) + 1)
  if (name.startsWith('early')) fates.get(name)?.(ctx)
  const id = ctx.newId('thg')
  // Any table that the product's role may write to does for a thing.
  await ctx.transaction(async (ctx) => {
    const row = { jobId: id, done: 0, note: `${ctx.accountId} ${name}`, updatedAt: now }
    await ctx.db.insertInto('jobProgress').values(row).execute()
    await ctx.remember(id)
  })
  if (name.startsWith('late')) fates.get(name)?.(ctx)
  return { id, name }
}

async function show(ctx: Context, id: string) {
  const row = await ctx.db
    .selectFrom('jobProgress')
    .selectAll()
    .where('jobId', '=', id)
    .executeTakeFirstOrThrow()
  return { id, name: row.note!.split(' ')[1]! }
}

const idempotent = {
  resourceId: (reply: unknown) => (reply as { id: string }).id,
  replay: show,
}
const things = {
  name: 'things',
  summary: '',
  routes: [
    route({
      ...{ method: 'POST', path: '/v1/things', summary: 'Make', access: { signedIn: 'a test' } },
      body: z.strictObject({ name: z.string() }),
      ...{ returns: Thing, status: 201, idempotent },
      handler: (ctx, { body }) => make(ctx, body.name),
    }),
    route({
      ...{ method: 'POST', path: '/v1/plain', summary: 'Do', access: { signedIn: 'a test' } },
      handler: () => undefined,
    }),
  ],
}
const server = await serve(kernel, [things], { ann: [], bob: [] })
after(async () => {
  await server[Symbol.asyncDispose]()
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

let names = 0
const unique = (kind: string) => `${kind}-${++names}`

function post(name: string, key: string, as = 'ann') {
  const headers = { 'idempotency-key': key }
  return server.request('POST', '/api/v1/things', { as, body: { name }, headers })
}

async function effects(name: string): Promise<string[]> {
  const rows = await kernel.db
    .selectFrom('jobProgress')
    .select('jobId')
    .where('note', 'like', `% ${name}`)
    .execute()
  return rows.map((row) => row.jobId)
}

function claim(change: Partial<Claim> = {}): Claim {
  const fresh = { id: randomUUID(), accountId: 'acc_x', route: 'POST /v1/x', key: randomUUID() }
  return { ...fresh, requestHash: 'h', lockMs: 1_000, ...change }
}

const codeOf = (code: string) => (error: unknown) => error instanceof Problem && error.code === code

test('of fifty requests with one key at once, one has an effect and all others are told of it or to wait', async () => {
  const [name, key] = [unique('once'), randomUUID()]
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(name, key)))
  const made = await effects(name)
  assert.equal(made.length, 1)
  const done = answers.filter(({ status }) => status === 201)
  assert.deepEqual([...new Set(done.map(({ body }) => body.id))], made)
  assert.equal(done.filter(({ headers }) => !headers.has('idempotency-replayed')).length, 1)
  for (const { status, body, headers } of answers.filter((answer) => !done.includes(answer))) {
    assert.deepEqual([status, body.code], [409, 'idempotency.in_progress'])
    assert.equal(headers.get('retry-after'), '1')
  }
  const again = await post(name, key)
  assert.deepEqual([again.status, again.body], [201, done[0]!.body])
  assert.equal(again.headers.get('idempotency-replayed'), 'true')
  assert.equal(runs.get(name), 1)
})

test('a key that comes back with another body is refused and has no effect', async () => {
  const [name, other, key] = [unique('first'), unique('other'), randomUUID()]
  await post(name, key)
  const { status, body } = await post(other, key)
  assert.deepEqual([status, body.code], [422, 'idempotency.different_request'])
  assert.deepEqual(await effects(other), [])
})

test('the same key of another account is another key', async () => {
  const [name, key] = [unique('shared'), randomUUID()]
  const mine = await post(name, key)
  const theirs = await post(name, key, 'bob')
  assert.deepEqual([mine.status, theirs.status], [201, 201])
  assert.notEqual(mine.body.id, theirs.body.id)
  assert.equal(theirs.headers.get('idempotency-replayed'), null)
})

test('what was made before its answer was lost is answered with the same key', async () => {
  const [name, key] = [unique('late'), randomUUID()]
  fates.set(name, () => {
    throw new Error('the process was lost after the commit')
  })
  assert.equal((await post(name, key)).status, 500)
  const again = await post(name, key)
  assert.deepEqual([again.status, [again.body.id]], [201, await effects(name)])
  assert.equal(again.headers.get('idempotency-replayed'), 'true')
  assert.equal(runs.get(name), 1)
})

test('a request that has failed gives its key back', async () => {
  const [name, key] = [unique('early'), randomUUID()]
  fates.set(name, () => {
    throw failed()
  })
  assert.equal((await post(name, key)).body.code, 'trial.failed')
  fates.delete(name)
  const again = await post(name, key)
  assert.deepEqual([again.status, runs.get(name)], [201, 2])
  assert.equal(again.headers.get('idempotency-replayed'), null)
})

test('a key that is no key, and one that a route does not take, are refused', async () => {
  for (const key of ['a b', 'é', 'x'.repeat(256)]) {
    const { status, body } = await post(unique('bad'), key)
    assert.deepEqual([status, body.code], [400, 'request.invalid'], key)
    assert.equal(body.errors[0].path, 'headers.idempotency-key')
  }
  const headers = { 'idempotency-key': randomUUID() }
  const { status, body } = await server.request('POST', '/api/v1/plain', { as: 'ann', headers })
  assert.deepEqual([status, body.code], [400, 'idempotency.not_supported'])
})

test('the key of a process that died is taken over once its lock has run out, and binds once', async () => {
  const dead = claim()
  assert.equal(await claimKey(kernel.db, clock, dead), undefined)
  await assert.rejects(claimKey(kernel.db, clock, dead), codeOf('idempotency.in_progress'))
  pass(1_001)
  const next = { ...dead, id: randomUUID() }
  assert.equal(await claimKey(kernel.db, clock, next), undefined)
  await bindKey(kernel.db, next, 'thg_1', 201)
  // The first one was only slow: what it does now is rolled back with its transaction.
  await assert.rejects(bindKey(kernel.db, dead, 'thg_2', 201), codeOf('idempotency.in_progress'))
  for (const one of [dead, next]) await releaseKey(kernel.db, one)
  const done = { httpStatus: 201, resourceId: 'thg_1' }
  assert.deepEqual(await claimKey(kernel.db, clock, { ...dead, id: randomUUID() }), done)
})

test('a request whose key was taken over neither gives it back nor binds it: the next one has it alone', async () => {
  const slow = claim()
  await claimKey(kernel.db, clock, slow)
  pass(1_001)
  const next = { ...slow, id: randomUUID() }
  assert.equal(await claimKey(kernel.db, clock, next), undefined)
  await releaseKey(kernel.db, slow)
  const third = { ...slow, id: randomUUID() }
  await assert.rejects(claimKey(kernel.db, clock, third), codeOf('idempotency.in_progress'))
  await assert.rejects(bindKey(kernel.db, slow, 'thg_1', 201), codeOf('idempotency.in_progress'))
  await bindKey(kernel.db, next, 'thg_2', 201)
  const done = { httpStatus: 201, resourceId: 'thg_2' }
  assert.deepEqual(await claimKey(kernel.db, clock, third), done)
})

test('a request that was answered as overdue does not bind the key that the repeat has taken', async () => {
  const overdue = claim()
  await claimKey(kernel.db, clock, overdue)
  await releaseKey(kernel.db, overdue)
  const repeat = { ...overdue, id: randomUUID() }
  assert.equal(await claimKey(kernel.db, clock, repeat), undefined)
  await assert.rejects(bindKey(kernel.db, overdue, 'thg_1', 201), codeOf('idempotency.in_progress'))
  await bindKey(kernel.db, repeat, 'thg_2', 201)
})

test('after a day a key may be used anew, for another day', async () => {
  const first = claim()
  await claimKey(kernel.db, clock, first)
  await bindKey(kernel.db, first, 'thg_1', 201)
  pass(24 * 60 * 60 * 1000 + 1)
  const second = { ...first, requestHash: 'another' }
  assert.equal(await claimKey(kernel.db, clock, second), undefined)
  await bindKey(kernel.db, second, 'thg_2', 202)
  const done = { httpStatus: 202, resourceId: 'thg_2' }
  assert.deepEqual(await claimKey(kernel.db, clock, second), done)
  while ((await purgeExpiredKeys(kernel.db, now)) > 0);
  assert.deepEqual(await claimKey(kernel.db, clock, second), done)
})
