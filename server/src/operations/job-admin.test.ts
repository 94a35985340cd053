import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { defineJob } from '#kernel/jobs.ts'
import { eventually } from '#kernel/test-support.ts'
import { databaseWithPeople, startProcess } from './test-support.ts'

const database = await databaseWithPeople()
after(() => database[Symbol.asyncDispose]())

/** A kind of job that fails until it is told not to. */
function shaky(name: string) {
  const state = { fails: true, runs: 0 }
  const job = defineJob({
    name: `trial.${name}`,
    summary: name,
    input: z.object({ of: z.string(), apiKey: z.string().optional() }),
    retryLimit: 0,
    run: async () => {
      state.runs++
      if (state.fails) throw new Error('the bridge is up')
    },
  })
  return { state, job }
}

type Process = Awaited<ReturnType<typeof startProcess>>

const list = async (app: Process, query: string) =>
  (await app.get(`/v1/admin/jobs?${query}`)).body.items as { id: string; status: string }[]

function dead(app: Process, name: string, count: number) {
  return eventually(`${count} dead jobs`, async () => {
    const found = await list(app, `name=${name}&status=dead`)
    return found.length === count && found
  })
}

test('an admin sees a dead job with its input and error, without secrets, and runs it again', async () => {
  const { job, state } = shaky('bridge')
  await using app = await startProcess(database.address, { jobs: [job] })
  await app.kernel.ctx.jobs.send(job, { of: 'one', apiKey: 'very-secret' })
  app.kernel.queue.wake()
  const [found] = await dead(app, job.name, 1)

  const { body } = await app.get(`/v1/admin/jobs/${found!.id}`)
  assert.equal(body.name, job.name)
  assert.equal(body.status, 'dead')
  assert.deepEqual(body.input, { of: 'one', apiKey: '[redacted]' })
  assert.deepEqual(body.sentBy, { kind: 'system', name: 'test' })
  assert.match(JSON.stringify(body.error), /the bridge is up/)

  state.fails = false
  const path = `/v1/admin/jobs/${found!.id}/retry`
  const retried = await app.server.request('POST', path, { as: 'ann' })
  assert.equal(retried.status, 200)
  assert.equal(retried.body.id, found!.id)
  await eventually('it is done', async () => {
    const { body } = await app.get(`/v1/admin/jobs/${found!.id}`)
    return body.status === 'completed'
  })
  const again = await app.server.request('POST', path, { as: 'ann' })
  assert.equal(again.status, 409)
  assert.equal(again.body.code, 'job.not_dead')
})

test('a dead job whose key another job holds stays dead', async () => {
  const { job, state } = shaky('ferry')
  await using app = await startProcess(database.address, { jobs: [job] })
  const { ctx } = app.kernel
  await ctx.jobs.send(job, { of: 'one' }, { uniqueKey: 'pier-4' })
  app.kernel.queue.wake()
  const [found] = await dead(app, job.name, 1)
  state.fails = false
  const tomorrow = new Date(ctx.clock.now().getTime() + 24 * 60 * 60 * 1000)
  await ctx.jobs.send(job, { of: 'two' }, { uniqueKey: 'pier-4', startAfter: tomorrow })
  const refused = await app.server.request('POST', `/v1/admin/jobs/${found!.id}/retry`, {
    as: 'ann',
  })
  assert.equal(refused.status, 409)
  assert.equal(refused.body.code, 'job.key_busy')
  assert.ok(refused.body.detail.includes('pier-4'))
  assert.deepEqual((await list(app, `name=${job.name}&status=dead`)).length, 1)
})

test('the list is paged and can be narrowed, and a job that is not there is 404', async () => {
  const { job } = shaky('island')
  await using app = await startProcess(database.address, { jobs: [job], working: false })
  for (const one of ['a', 'b', 'c']) await app.kernel.ctx.jobs.send(job, { of: one })
  const query = `/v1/admin/jobs?name=${job.name}&status=queued&limit=2`
  const first = (await app.get(query)).body
  assert.equal(first.items.length, 2)
  const second = (await app.get(`${query}&cursor=${first.nextCursor}`)).body
  assert.equal(second.items.length, 1)
  assert.equal(second.nextCursor, null)
  assert.deepEqual(await list(app, `name=${job.name}&status=dead`), [])
  assert.equal((await app.get('/v1/admin/jobs?status=lost')).status, 400)

  const id = '00000000-0000-4000-8000-000000000000'
  assert.equal((await app.get(`/v1/admin/jobs/${id}`)).body.code, 'job.not_found')
  assert.equal((await app.get('/v1/admin/jobs/not-an-id')).status, 404)
  const retry = await app.server.request('POST', `/v1/admin/jobs/${id}/retry`, { as: 'ann' })
  assert.equal(retry.status, 404)
  const path = `/v1/admin/jobs/${second.items[0].id}/retry`
  assert.equal((await app.server.request('POST', path, { as: 'bob' })).status, 403)
})

test('the recovery action runs every dead job again, and counts those that it had to leave', async () => {
  const many = shaky('lighthouse')
  const held = shaky('harbour')
  await using app = await startProcess(database.address, { jobs: [many.job, held.job] })
  const { ctx } = app.kernel
  for (let n = 0; n < 60; n++) await ctx.jobs.send(many.job, { of: String(n) })
  await ctx.jobs.send(held.job, { of: 'x' }, { uniqueKey: 'k' })
  app.kernel.queue.wake()
  await eventually('all are dead', async () => {
    const counts = await app.kernel.queue.counts()
    const of = (name: string) =>
      counts.find((one) => one.name === name && one.state === 'dead')?.count
    return of(many.job.name) === 60 && of(held.job.name) === 1
  })
  const tomorrow = new Date(ctx.clock.now().getTime() + 24 * 60 * 60 * 1000)
  await ctx.jobs.send(held.job, { of: 'y' }, { uniqueKey: 'k', startAfter: tomorrow })
  many.state.fails = false

  const { operationId } = (await app.recover('retry-dead-jobs')).body
  const { status, result, progress } = await app.ended(operationId)
  assert.equal(status, 'succeeded')
  assert.ok(result.retried >= 60 && result.left >= 1, JSON.stringify(result))
  assert.equal(progress.done, result.retried + result.left)
  await eventually('all have run', () => many.state.runs === 120)
})
