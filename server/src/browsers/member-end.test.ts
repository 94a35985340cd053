import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { addMember, appoint, forAccount, found } from '#test/accounts.ts'
import { startApp } from '#test/app.ts'
import { statusOf } from '#test/socket-status.ts'

const app = await startApp({ browsers: true })
after(() => app[Symbol.asyncDispose]())

test('the addresses that a member has read, of their own sessions and of others’, end with the membership', async () => {
  const [ann, ben] = [await app.person('ann'), await app.person('ben')]
  const id = await found(ann, 'Shop')
  await addMember(app, id, ben, 'member')
  const there = forAccount(id)
  const kept = (await ben.post('/v1/sessions', {}, there)).body
  const other = (await ann.post('/v1/sessions', {}, there)).body
  assert.deepEqual([kept.status, other.status], ['active', 'active'])
  const open = new WebSocket(kept.liveUrl)
  await new Promise((resolve) => open.once('open', resolve))
  assert.equal((await ann.delete(`/v1/accounts/${id}/members/${ben.userId}`)).status, 204)
  for (const url of [kept.cdpUrl, kept.liveUrl, other.cdpUrl, other.liveUrl]) {
    await eventually('it opens nothing', async () => (await statusOf(url)) === 404)
  }
  await eventually('it is cut', () => open.readyState === WebSocket.CLOSED)
  const now = (await ann.get(`/v1/sessions/${kept.id}`, there)).body
  const others = (await ann.get(`/v1/sessions/${other.id}`, there)).body
  assert.deepEqual([await statusOf(now.cdpUrl), await statusOf(others.cdpUrl)], [101, 101])
})

test('whoever acts as a user gets no address that would outlive that', async () => {
  const [sue, ann] = [await app.person('sue'), await app.person('ann')]
  await appoint(app, sue, 'support')
  const reason = { reason: 'Ticket 4711' }
  const lent = await sue.post(`/v1/admin/users/${ann.userId}/impersonate`, reason)
  const headers = { authorization: `Bearer ${lent.body.accessToken}` }
  const call = (method: string, path: string, body?: unknown) =>
    app.request(method, path, { headers, ...(body !== undefined && { body }) })
  const own = (await ann.post('/v1/sessions')).body
  assert.ok(own.cdpUrl && own.liveUrl)
  const path = `/v1/sessions/${own.id}`
  const answers = [
    (await call('POST', '/v1/sessions', {})).body,
    (await call('GET', path)).body,
    (await call('PATCH', path, { idleTimeoutSeconds: 600 })).body,
    ...(await call('GET', '/v1/sessions')).body.items,
  ]
  assert.equal(answers.length, 5)
  for (const { id, status, cdpUrl, liveUrl } of answers) {
    assert.deepEqual(
      [id.slice(0, 4), status, cdpUrl, liveUrl],
      ['ses_', 'active', undefined, undefined],
    )
  }
  const refused = await call('POST', `${path}/urls`, { cdp: 'observer', live: 'watch' })
  assert.deepEqual([refused.status, refused.body.code], [403, 'auth.not_as_another'])
  assert.equal((await ann.post(`${path}/urls`, { cdp: 'observer', live: 'watch' })).status, 200)
})
