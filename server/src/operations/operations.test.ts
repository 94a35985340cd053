import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '#kernel/test-support.ts'
import { defineProblems } from '#kernel/problem.ts'
import type { RecoveryAction } from './index.ts'
import { databaseWithPeople, startProcess } from './test-support.ts'

const database = await databaseWithPeople()
after(() => database[Symbol.asyncDispose]())

const start = (actions: readonly RecoveryAction[] = [], working = true) =>
  startProcess(database.address, { actions, working })

const problems = defineProblems({
  full: { code: 'trial.full', status: 409, title: 'Full', detail: 'There are {count} of them.' },
})

test('an action is an operation that a worker carries out, with progress, result and one event', async () => {
  const go = Promise.withResolvers<void>()
  const action: RecoveryAction = {
    name: 'count-sheep',
    what: 'Count',
    run: async (_ctx, progress) => {
      await progress(2, 5, 'at the gate')
      await go.promise
      return { sheep: 5 }
    },
  }
  await using app = await start([action])
  const started = await app.recover('count-sheep')
  assert.equal(started.status, 202)
  const { operationId } = started.body
  assert.equal(started.headers.get('location'), `/api/v1/operations/${operationId}`)

  const running = await eventually('it tells its progress', async () => {
    const { body } = await app.show(operationId)
    return body.progress.done === 2 && body
  })
  assert.equal(running.status, 'running')
  assert.equal(running.kind, 'recovery.count-sheep')
  assert.deepEqual(running.progress, { done: 2, total: 5, note: 'at the gate' })
  assert.ok(!('result' in running) && !('endedAt' in running))

  go.resolve()
  const done = await app.ended(operationId)
  assert.equal(done.status, 'succeeded')
  assert.deepEqual(done.result, { sheep: 5 })
  const events = await app.kernel.db
    .selectFrom('events')
    .select(['accountId', 'data'])
    .where('kind', '=', 'operation.ended')
    .execute()
  assert.deepEqual(
    events.filter(({ data }) => (data as { id: string }).id === operationId),
    [
      {
        accountId: 'acc_ann',
        data: { id: operationId, kind: done.kind, userId: 'usr_ann', status: 'succeeded' },
      },
    ],
  )
})

test('a failed action tells a problem as it is, and of anything else only where it was logged', async () => {
  const fail = (name: string, error: Error): RecoveryAction => ({
    ...{ name, what: 'Fail' },
    run: () => Promise.reject(error),
  })
  await using app = await start([
    fail('fail-known', problems.full({ count: 7 })),
    fail('fail-unknown', new Error('password hunter2 refused')),
  ])
  const known = await app.recover('fail-known', { 'x-correlation-id': 'try-7' })
  const { status, error } = await app.ended(known.body.operationId)
  assert.equal(status, 'failed')
  assert.deepEqual(error, {
    ...{ code: 'trial.full', message: 'There are 7 of them.', correlationId: 'try-7' },
  })
  const unknown = await app.ended((await app.recover('fail-unknown')).body.operationId)
  assert.equal(unknown.error.code, 'server.error')
  assert.ok(!JSON.stringify(unknown).includes('hunter2'))
})

test('an action whose process stops goes on in another one', async () => {
  let runs = 0
  const action: RecoveryAction = {
    name: 'take-long',
    what: 'Wait for the end of the process the first time',
    run: async ({ signal }) => {
      if (++runs === 1) await sleep(60_000, undefined, { signal })
      return { runs }
    },
  }
  const first = await start([action])
  const { operationId } = (await first.recover('take-long')).body
  await eventually('it runs', () => runs === 1)
  await first[Symbol.asyncDispose]()

  await using second = await start([action])
  const done = await second.ended(operationId)
  assert.equal(done.status, 'succeeded')
  assert.deepEqual(done.result, { runs: 2 })
})

test('an operation is there for its account only, a recovery for every operator', async () => {
  await using app = await start([], false)
  const { operationId } = (await app.recover('refresh-settings')).body
  assert.equal((await app.show(operationId)).status, 200)
  const foreign = await app.show(operationId, 'bob')
  assert.equal(foreign.status, 404)
  assert.equal(foreign.body.code, 'operation.not_found')
  const path = `/v1/admin/recovery/${operationId}`
  assert.equal((await app.server.request('GET', path, { as: 'bob' })).body.id, operationId)
  assert.equal((await app.server.request('GET', path, { as: 'eve' })).status, 403)
  assert.equal((await app.server.request('GET', path)).status, 401)
})

test('an unknown action is refused with the names of the known ones, which the list tells', async () => {
  await using app = await start([], false)
  const refused = await app.recover('wish-harder')
  assert.equal(refused.status, 404)
  assert.equal(refused.body.code, 'recovery.unknown_action')
  const { body } = await app.server.request('GET', '/v1/admin/recovery', { as: 'ann' })
  const names = body.items.map(({ name }: { name: string }) => name)
  assert.deepEqual(names, ['retry-dead-jobs', 'refresh-settings', 'purge-idempotency-keys'])
  for (const name of names) assert.ok(refused.body.suggestion.includes(name))
})

test('the same idempotency key starts one operation', async () => {
  let rings = 0
  const action: RecoveryAction = {
    name: 'ring-bell',
    what: 'Ring',
    run: async () => ({ rings: ++rings }),
  }
  await using app = await start([action])
  const key = { 'idempotency-key': 'ring-once' }
  const first = await app.recover('ring-bell', key)
  await app.ended(first.body.operationId)
  const again = await app.recover('ring-bell', key)
  assert.equal(again.status, 202)
  assert.deepEqual(again.body, first.body)
  assert.equal(again.headers.get('location'), first.headers.get('location'))
  const other = await app.recover('ring-bell')
  assert.deepEqual((await app.ended(other.body.operationId)).result, { rings: 2 })
})
