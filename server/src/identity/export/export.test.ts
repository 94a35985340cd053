import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import sharp from 'sharp'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'
import { exportJobs } from './jobs.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const { db } = ctx

const EXPORT = '/v1/users/me/export'

async function exportOf(person: Person) {
  const started = await person.post(EXPORT)
  assert.equal(started.status, 202)
  const { exportId, operationId } = started.body
  await eventually('the export is ready', async () => {
    const { body } = await person.get(`/v1/operations/${operationId}`)
    assert.notEqual(body.status, 'failed')
    return body.status === 'succeeded'
  })
  return exportId as string
}

async function download(person: Person, id: string) {
  const { status, body } = await person.post(`${EXPORT}/${id}/download`)
  assert.equal(status, 200)
  const answer = await fetch(body.url)
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-disposition')!, /attachment; .*my-data\.json/)
  const text = await answer.text()
  return { url: body.url as string, text, told: JSON.parse(text) }
}

test('the export holds what every capability keeps of the person, and is announced and mailed', async () => {
  const ann = await app.person('ann')
  await ann.put('/v1/users/me', { firstName: 'Annabel' })
  const shop = await found(ann, 'Annabels shop')
  await ann.post('/v1/api-keys', { name: 'my key', scopes: ['sessions.read'] })
  const file = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#c03' } })
    .png()
    .toBuffer()
  await ann.put('/v1/users/me/avatar', { base64: file.toString('base64') })
  await addSession(ann)

  const id = await exportOf(ann)
  assert.match((await app.mailTo(ann.email, 'export_ready')).link!, new RegExp(`#export=${id}$`))
  const shown = (await ann.get(`${EXPORT}/${id}`)).body
  assert.equal(shown.status, 'ready')
  const { told, text } = await download(ann, id)
  assert.equal(shown.bytes, Buffer.byteLength(text))
  assert.equal(told.user[0].firstName, 'Annabel')
  assert.equal(told.user[0].email, ann.email)
  assert.ok(told.accounts.some(({ id, role }: never) => id === shop && role === 'owner'))
  assert.equal(told.apiKeys[0].name, 'my key')
  assert.equal(told.avatar[0].contentType, 'image/webp')
  assert.equal(told.browserSessions.length, 1)
  assert.equal(told.devices.length, 1)
  assert.equal(told.signIns.length, 1)
  const actions = told.activity.map(({ action }: { action: string }) => action)
  for (const action of ['user.registered', 'user.profile_changed', 'api_key.created']) {
    assert.ok(actions.includes(action), action)
  }
  const lists = app.app.capabilities.flatMap((one) => Object.keys(one.personal?.lists ?? {}))
  assert.deepEqual(Object.keys(told).sort(), [...lists, 'exportedAt', 'format'].sort())
  const kinds = await app.eventKinds(ann.accountId)
  for (const kind of ['user.export_requested', 'user.export_ready', 'user.export_downloaded']) {
    assert.equal(kinds.filter((one) => one === kind).length, 1, kind)
  }
})

async function addSession({ userId, accountId }: Person): Promise<void> {
  const now = ctx.clock.now()
  await db
    .insertInto('browserSessions')
    .values({
      ...{ id: ctx.newId('ses'), accountId, userId, instanceId: 'gone', status: 'closed' },
      ...{ endReason: 'asked', viewport: '{"width":800,"height":600}', metadata: '{}' },
      ...{ idleTimeoutSeconds: 600, timeoutSeconds: 600, createdAt: now, lastActivityAt: now },
      ...{ startedAt: now, endedAt: now, expiresAt: new Date(+now + 600_000) },
    })
    .execute()
}

test('nothing in it lets anybody in, and nothing is of other people', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const shop = await found(ann, 'Shop')
  await addMember(app, shop, bob, 'member')
  const guest = `${app.unique('guest')}@example.test`
  await ann.post('/v1/invitations', { email: guest, role: 'viewer' })
  const key = await ann.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })
  const enrolled = await ann.post('/v1/auth/2fa/enroll')
  assert.equal(enrolled.status, 200)
  const secrets = await secretsOf(ann)
  assert.ok(secrets.length >= 6, 'the canaries are there')

  const { text } = await download(ann, await exportOf(ann))
  const canaries = [
    ...[ann.accessToken, ann.refreshToken, ann.password, key.body.key, enrolled.body.secret],
    ...secrets,
  ]
  for (const canary of canaries) {
    assert.equal(typeof canary, 'string')
    assert.equal(text.includes(canary), false, `${canary.slice(0, 6)}…`)
  }
  for (const name of ['passwordHash', 'keyHash', 'sealed', 'tokenHash', 'refreshKey', 'device"']) {
    assert.equal(text.includes(name), false, name)
  }
  for (const other of [bob.email, bob.userId, guest])
    assert.equal(text.includes(other), false, other)
})

/** Every digest and sealed value of the person that the database holds, as hexadecimal and base64. */
async function secretsOf({ userId }: Person): Promise<string[]> {
  const { rows } = await sql<{ bytes: Buffer }>`
    select key_hash as bytes from api_keys where created_by = ${userId}
    union all select refresh_hash from sign_ins where user_id = ${userId}
    union all select refresh_key from sign_ins where user_id = ${userId}
    union all select sealed_secret from totp_secrets where user_id = ${userId}`.execute(db)
  const { passwordHash } = await db
    .selectFrom('users')
    .select('passwordHash')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow()
  const texts = rows.flatMap(({ bytes }) => [bytes.toString('hex'), bytes.toString('base64')])
  return [passwordHash, ...texts]
}

test('T35: an export and its download need a fresh proof each', async () => {
  const ann = await app.person('ann')
  const id = await exportOf(ann)
  await db
    .updateTable('signIns')
    .set({ steppedUpAt: null })
    .where('userId', '=', ann.userId)
    .execute()
  for (const path of [EXPORT, `${EXPORT}/${id}/download`]) {
    assert.equal((await ann.post(path)).body.code, 'auth.step_up_required', path)
  }
  assert.equal((await ann.get(`${EXPORT}/${id}`)).body.url, undefined)
})

test('T37: an export is there for its person only, and its address is good for nothing else', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const id = await exportOf(ann)
  assert.equal((await bob.get(`${EXPORT}/${id}`)).body.code, 'export.not_found')
  assert.equal((await bob.post(`${EXPORT}/${id}/download`)).body.code, 'export.not_found')
  const { url } = await download(ann, id)
  const theirs = url.replace(ann.userId, bob.userId)
  assert.equal((await fetch(theirs)).status, 403)
})

test('of two exports at once one is made, and there are three a day', async () => {
  const ann = await app.person('ann')
  const answers = await Promise.all([ann.post(EXPORT), ann.post(EXPORT)])
  const statuses = answers.map(({ status }) => status)
  // The first may be done before the second asks.
  assert.ok(statuses.includes(202) && statuses.every((one) => one === 202 || one === 409))
  const made = () =>
    db.selectFrom('dataExports').select(['id', 'status']).where('userId', '=', ann.userId).execute()
  const settled = async () => (await made()).every(({ status }) => status === 'ready')
  while ((await made()).length < 3) {
    await eventually('no export is being made', settled)
    assert.equal((await ann.post(EXPORT)).status, 202)
  }
  await eventually('no export is being made', settled)
  assert.equal((await ann.post(EXPORT)).body.code, 'auth.too_many_attempts')
})

test('an export that is over is deleted, its object too', async () => {
  const ann = await app.person('ann')
  const id = await exportOf(ann)
  const { url } = await download(ann, id)
  await sql`update data_exports set expires_at = now() - interval '1 second' where id = ${id}`.execute(
    db,
  )
  assert.equal((await ann.get(`${EXPORT}/${id}`)).status, 404)
  const [, tidy] = exportJobs(() => assert.fail())
  await ctx.jobs.send(tidy, {})
  await eventually('the object is gone', async () => (await fetch(url)).status === 404)
  await eventually('the row is gone', async () => {
    const rows = await db.selectFrom('dataExports').select('id').where('id', '=', id).execute()
    return rows.length === 0
  })
})

test('an export that was cancelled before it began is in the way of no other', async () => {
  const ann = await app.person('ann')
  const operationId = await addWaiting(ann)
  assert.equal((await ann.post(EXPORT)).body.code, 'export.under_way')
  const key = await ann.post('/v1/api-keys', { name: 'reads', scopes: ['sessions.read'] })
  const headers = { authorization: `Bearer ${key.body.key}` }
  const byKey = await app.request('DELETE', `/v1/operations/${operationId}`, { headers })
  assert.equal(byKey.body.code, 'auth.key_not_allowed', 'a key may have been made for reading only')
  assert.equal((await ann.delete(`/v1/operations/${operationId}`)).status, 200)
  await exportOf(ann)
  const rows = await db
    .selectFrom('dataExports')
    .select('status')
    .where('userId', '=', ann.userId)
    .execute()
  assert.deepEqual(rows.map(({ status }) => status).sort(), ['failed', 'ready'])
})

/** An export that no worker has taken yet; its operation. */
async function addWaiting({ userId, accountId }: Person): Promise<string> {
  const [id, createdAt] = [ctx.newId('op'), ctx.clock.now()]
  const status = 'queued'
  await db
    .insertInto('operations')
    .values({ id, kind: 'identity.export_data', userId, accountId, createdAt, status })
    .execute()
  const expiresAt = new Date(+createdAt + 86_400_000)
  await db
    .insertInto('dataExports')
    .values({
      ...{ id: ctx.newId('exp'), userId, operationId: id, status: 'making', createdAt, expiresAt },
    })
    .execute()
  return id
}

test('T37: how far an export has come is for its person only, also among those of one account', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  await addMember(app, ann.accountId, bob, 'admin')
  const path = `/v1/operations/${await addWaiting(ann)}`
  assert.equal((await ann.get(path)).status, 200)
  assert.equal((await bob.get('/v1/sessions', forAccount(ann.accountId))).status, 200)
  for (const accept of ['application/json', 'text/event-stream']) {
    const { status, body } = await bob.get(path, { ...forAccount(ann.accountId), accept })
    assert.deepEqual([status, body.code], [404, 'operation.not_found'])
  }
})

test('an export goes without a picture whose object is not there', async () => {
  const ann = await app.person('ann')
  await db
    .insertInto('avatars')
    .values({
      ...{ id: randomBytes(32).toString('base64url'), userId: ann.userId },
      ...{ isCurrent: true, createdAt: ctx.clock.now() },
    })
    .execute()
  const { told } = await download(ann, await exportOf(ann))
  assert.deepEqual(told.avatar, [])
})
