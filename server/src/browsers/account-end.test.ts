import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'

const app = await startApp({ browsers: true })
after(() => app[Symbol.asyncDispose]())

test('the sessions of an account that is deleted end, and those of its people elsewhere go on', async () => {
  const ann = await app.person()
  const made = await ann.post('/v1/accounts', { name: 'Shop' })
  assert.equal(made.status, 201)
  const there = { 'gantry-account': made.body.id }
  const [shop, own] = [
    (await ann.post('/v1/sessions', {}, there)).body,
    (await ann.post('/v1/sessions')).body,
  ]
  assert.deepEqual([shop.status, own.status], ['active', 'active'])
  assert.equal((await ann.delete(`/v1/accounts/${made.body.id}`)).status, 204)
  const ended = await eventually('the browser has ended too', async () => {
    const row = await app.app
      .systemContext()
      .db.selectFrom('browserSessions')
      .select(['status', 'endReason', 'wipe'])
      .where('id', '=', shop.id)
      .executeTakeFirstOrThrow()
    return row.wipe ? row : undefined
  })
  assert.deepEqual([ended.status, ended.endReason], ['closed', 'account_deleted'])
  assert.deepEqual(ended.wipe, { processes: 0, directories: 0, sockets: 0 })
  const title = await ann.post(`/v1/sessions/${own.id}/execute`, { script: '1 + 1' })
  assert.equal(title.body.result, 2)
})
