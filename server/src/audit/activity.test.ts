import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { appoint } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()

const actionsOf = (body: { items: { action: string }[] }) => body.items.map(({ action }) => action)

test('everybody sees their own activity, by page, kind and time', async () => {
  const ann = await app.person('ann')
  await ann.put('/v1/users/me', { firstName: 'Ann' })
  const mine = await ann.get('/v1/users/me/activity')
  assert.equal(mine.status, 200)
  assert.deepEqual(actionsOf(mine.body), [
    ...['user.profile_changed', 'user.signed_in', 'user.registered'],
  ])
  const byId = await ann.get(`/v1/users/${ann.userId}/activity`)
  assert.deepEqual(byId.body.items, mine.body.items)

  const first = (await ann.get('/v1/users/me/activity?limit=2')).body
  const next = await ann.get(`/v1/users/me/activity?limit=2&cursor=${first.nextCursor}`)
  assert.deepEqual([...first.items, ...next.body.items], mine.body.items)
  assert.equal(next.body.nextCursor, null)

  const some = await ann.get('/v1/users/me/activity?action=user.signed*')
  assert.deepEqual(actionsOf(some.body), ['user.signed_in'])
  const past = await ann.get('/v1/users/me/activity?to=2020-01-01T00:00:00Z')
  assert.deepEqual(past.body, {
    ...{ items: [], nextCursor: null },
    usage: { 'browsers.sessions': 0, 'browsers.minutes': 0 },
  })
  const bad = await ann.get('/v1/users/me/activity?from=yesterday')
  assert.equal(bad.body.code, 'request.invalid')
})

test('T37: the activity of others is as if they were not there, and a cursor is good for one user only', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  await bob.put('/v1/users/me', { firstName: 'Bob' })
  const foreign = await ann.get(`/v1/users/${bob.userId}/activity`)
  const nobodys = await ann.get('/v1/users/usr_00000000000000000000000000/activity')
  for (const { status, body } of [foreign, nobodys]) {
    assert.deepEqual([status, body.code], [404, 'user.not_found'])
  }
  const { nextCursor } = (await bob.get('/v1/users/me/activity?limit=1')).body
  const stolen = await ann.get(`/v1/users/me/activity?cursor=${nextCursor}`)
  assert.equal(stolen.body.code, 'request.bad_cursor')
})

test('where others were who did something to the user is left out', async () => {
  const [staff, ann] = [await app.person('staff'), await app.person('ann')]
  await appoint(app, staff, 'admin')
  const agent = { 'user-agent': 'canary-agent/1' }
  const path = `/v1/admin/users/${ann.userId}/impersonate`
  assert.equal((await staff.post(path, { reason: 'to help' }, agent)).status, 201)
  const { items } = (await ann.get('/v1/users/me/activity')).body
  const lent = items.find(({ action }: { action: string }) => action === 'user.impersonated')
  assert.deepEqual(lent.by, { kind: 'staff_or_member' })
  assert.equal(lent.address, undefined)
  assert.equal(JSON.stringify(items).includes('canary-agent'), false)
  const own = items.find(({ action }: { action: string }) => action === 'user.signed_in')
  assert.deepEqual(own.by, { kind: 'user' })
  assert.ok(own.address)
})

test('how others are called whose names somebody changed is left out; how oneself is called is not', async () => {
  const [staff, ann] = [await app.person('staff'), await app.person('ann')]
  await appoint(app, staff, 'admin')
  const named = { firstName: 'Canaria' }
  assert.equal((await staff.put(`/v1/admin/users/${ann.userId}`, named)).status, 200)
  const changeIn = async (person: Person) => {
    const { items } = (await person.get('/v1/users/me/activity?action=user.changed')).body
    return items[0].data
  }
  assert.equal((await changeIn(ann)).firstName, 'Canaria')
  assert.deepEqual(await changeIn(staff), { userId: ann.userId, changed: ['firstName'] })
})

test('usage counts the sessions and minutes of the time that is asked for', async () => {
  const ann = await app.person('ann')
  await addSession(ann, '2026-03-01T10:00:00Z', '2026-03-01T10:30:00Z')
  await addSession(ann, '2026-03-01T23:50:00Z', '2026-03-02T00:20:00Z')
  const usage = async (from: string, to: string) => {
    const { body } = await ann.get(`/v1/users/me/activity?from=${from}&to=${to}`)
    return [body.usage['browsers.sessions'], body.usage['browsers.minutes']]
  }
  assert.deepEqual(await usage('2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z'), [2, 40])
  assert.deepEqual(await usage('2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z'), [0, 20])
  assert.deepEqual(await usage('2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'), [0, 0])
})

async function addSession({ userId, accountId }: Person, from: string, to: string): Promise<void> {
  const [start, end] = [new Date(from), new Date(to)]
  await ctx.db
    .insertInto('browserSessions')
    .values({
      ...{ id: ctx.newId('ses'), accountId, userId, instanceId: 'gone', status: 'closed' },
      ...{ endReason: 'asked', viewport: '{"width":800,"height":600}', metadata: '{}' },
      ...{ idleTimeoutSeconds: 600, timeoutSeconds: 600, createdAt: start, startedAt: start },
      ...{ lastActivityAt: start, endedAt: end, expiresAt: end },
    })
    .execute()
}
