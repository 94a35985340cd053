import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import sharp from 'sharp'
import { verifyChain } from '#audit/index.ts'
import { openLocalStore } from '#kernel/storage/local.ts'
import { eventually } from '#kernel/test-support.ts'
import { addMember, appoint, forAccount, found, foundReseller } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'
import { eraseUser } from './erase.ts'
import { leavingJobs } from './jobs.ts'
import { restoreUser } from './restore.ts'
import { scheduleDeletion } from './schedule.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const { db } = app.app.systemContext()
const tools = () => app.app.identity.tools

async function mayAct(person: Person): Promise<number> {
  return (await person.get('/v1/users/me')).status
}

async function login({ email, password }: Person) {
  return app.request('POST', '/v1/auth/login', { body: { email, password } })
}

async function tokenFor({ email }: Person): Promise<string> {
  const { link } = await app.mailTo(email, 'account_deletion')
  return link!.split('#restore-user=')[1]!
}

function restore(token: string) {
  return app.request('POST', '/v1/users/me/restore', { body: { token } })
}

/** As if the days of grace were over. */
async function letDaysPass(userId: string): Promise<void> {
  await sql`update departures set requested_at = now() - interval '31 days', due_at = now() - interval '1 day'
    where user_id = ${userId}`.execute(db)
}

async function sweep(): Promise<void> {
  const [, sweepJob] = leavingJobs(() => ({ tools: tools(), records: [] }))
  await app.app.systemContext().jobs.send(sweepJob, {})
}

async function statusOf(userId: string): Promise<string> {
  const row = await db
    .selectFrom('users')
    .select('status')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow()
  return row.status
}

async function untilErased(userId: string): Promise<void> {
  await sweep()
  await eventually('the user is erased', async () => (await statusOf(userId)) === 'deleted')
}

test('who leaves is stopped at once everywhere, and comes back by the mailed link, once', async () => {
  const ann = await app.person('ann')
  const key = await ann.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })
  const withKey = { headers: { authorization: `Bearer ${key.body.key}` } }
  assert.equal((await app.request('GET', '/v1/sessions', withKey)).status, 200)

  const left = await ann.delete('/v1/users/me')
  assert.equal(left.status, 202)
  assert.ok(Date.parse(left.body.restoreUntil) > Date.now() + 29 * 86_400_000)
  assert.equal(await mayAct(ann), 401)
  assert.equal((await app.request('GET', '/v1/sessions', withKey)).status, 401)
  const body = { refreshToken: ann.refreshToken }
  assert.equal((await app.request('POST', '/v1/auth/refresh', { body })).status, 401)
  assert.equal((await login(ann)).body.code, 'auth.invalid_credentials')

  const token = await tokenFor(ann)
  assert.equal((await restore(token)).status, 204)
  assert.equal((await restore(token)).body.code, 'auth.link_invalid')
  assert.equal(await mayAct(ann), 401, 'what had ended stays ended')
  assert.equal((await app.request('GET', '/v1/sessions', withKey)).status, 401)
  assert.equal((await login(ann)).status, 200)
  const kinds = await app.eventKinds(ann.accountId)
  for (const kind of ['user.deletion_scheduled', 'user.restored', 'api_key.revoked']) {
    assert.equal(kinds.filter((one) => one === kind).length, 1, kind)
  }
})

test('the sessions of who leaves end, in accounts of others too; those of others go on', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const shop = await found(bob, 'Shop')
  await addMember(app, shop, ann, 'member')
  const [own, there] = [await addWaiting(ann, ann.accountId), await addWaiting(ann, shop)]
  const others = await addWaiting(bob, shop)
  await ann.delete('/v1/users/me')
  for (const id of [own, there]) {
    await eventually('the session has ended', async () => (await reasonOf(id)) === 'user_deleted')
  }
  assert.equal(await reasonOf(others), null)
})

/** A session that waits for a machine. */
async function addWaiting({ userId }: Person, accountId: string): Promise<string> {
  const ctx = app.app.systemContext()
  const [id, now] = [ctx.newId('ses'), ctx.clock.now()]
  const later = new Date(+now + 3_600_000)
  await db
    .insertInto('browserSessions')
    .values({
      ...{ id, accountId, userId, status: 'queued', metadata: '{}', timeoutSeconds: 3_600 },
      ...{ viewport: '{"width":800,"height":600}', idleTimeoutSeconds: 3_600 },
      ...{ createdAt: now, lastActivityAt: now, queuedUntil: later, expiresAt: later },
    })
    .execute()
  return id
}

async function reasonOf(sessionId: string): Promise<string | null> {
  const row = await db
    .selectFrom('browserSessions')
    .select('endReason')
    .where('id', '=', sessionId)
    .executeTakeFirstOrThrow()
  return row.endReason
}

test('an account that the person works in alone without owning it stays', async () => {
  const [lead, ann] = [await app.person('lead'), await app.person('ann')]
  const reseller = await foundReseller(app, lead)
  const below = await found(lead, 'Customer', { parentId: reseller })
  await addMember(app, below, ann, 'viewer')
  await ann.delete('/v1/users/me')
  await letDaysPass(ann.userId)
  await untilErased(ann.userId)
  assert.equal((await lead.get(`/v1/accounts/${below}`)).status, 200)
  const members = await lead.get(`/v1/accounts/${below}/members`)
  assert.deepEqual(members.body.items, [])
})

test('an account that somebody came to while its only owner left gets another owner', async () => {
  const people = [await app.person('ann'), await app.person('bob'), await app.person('cy')] as const
  const [ann, bob, cy] = people
  const shop = await found(ann, 'Shop')
  await ann.delete('/v1/users/me')
  await addMember(app, shop, bob, 'viewer')
  await addMember(app, shop, cy, 'admin')
  await letDaysPass(ann.userId)
  await untilErased(ann.userId)
  const members = await cy.get(`/v1/accounts/${shop}/members`, forAccount(shop))
  const roles = members.body.items.map(({ userId, role }: never) => [userId, role])
  assert.deepEqual(
    new Map(roles),
    new Map([
      [bob.userId, 'viewer'],
      [cy.userId, 'owner'],
    ]),
  )
  assert.equal(
    (await app.eventKinds(shop)).filter((one) => one === 'member.role_changed').length,
    1,
  )
})

test('an account stays for as long as one of its people may still come back', async () => {
  const people = [await app.person('ann'), await app.person('bob'), await app.person('cy')] as const
  const [ann, bob, cy] = people
  const shop = await found(ann, 'Shop')
  await addMember(app, shop, bob, 'owner')
  const firm = await found(ann, 'Firm')
  await addMember(app, firm, cy, 'member')
  for (const one of [bob, cy, ann]) assert.equal((await one.delete('/v1/users/me')).status, 202)
  await letDaysPass(ann.userId)
  await untilErased(ann.userId)

  for (const [one, account] of [
    [bob, shop],
    [cy, firm],
  ] as const) {
    assert.equal((await restore(await tokenFor(one))).status, 204)
    const { accessToken } = (await login(one)).body
    const headers = { authorization: `Bearer ${accessToken}`, ...forAccount(account) }
    const shown = await app.request('GET', `/v1/accounts/${account}`, { headers })
    assert.deepEqual([shown.status, shown.body.role], [200, 'owner'])
  }
})

test('T35: without a fresh proof nobody leaves', async () => {
  const ann = await app.person('ann')
  await db
    .updateTable('signIns')
    .set({ steppedUpAt: null })
    .where('userId', '=', ann.userId)
    .execute()
  assert.equal((await ann.delete('/v1/users/me')).body.code, 'auth.step_up_required')
  assert.equal(await mayAct(ann), 200)
})

test('T29: a token of another purpose, a made-up one and one that is over restore nobody', async () => {
  const ann = await app.person('ann')
  await app.request('POST', '/v1/auth/forgot-password', { body: { email: ann.email } })
  const reset = (await app.mailTo(ann.email, 'reset_password')).link!.split('=')[1]!
  await ann.delete('/v1/users/me')
  const token = await tokenFor(ann)
  for (const wrong of [reset, 'A'.repeat(43)]) {
    assert.equal((await restore(wrong)).body.code, 'auth.link_invalid')
  }
  const body = { token: reset, password: 'violet tractor ten umbrellas' }
  const answer = await app.request('POST', '/v1/auth/reset-password', { body })
  assert.equal(answer.body.code, 'auth.link_invalid', 'what was mailed before is void')
  await letDaysPass(ann.userId)
  await db
    .updateTable('oneTimeTokens')
    .set({ expiresAt: new Date(Date.now() - 1000), createdAt: new Date(Date.now() - 2000) })
    .where('userId', '=', ann.userId)
    .execute()
  assert.equal((await restore(token)).body.code, 'auth.link_invalid')
  assert.equal(await statusOf(ann.userId), 'leaving')
})

test('who has lost the mail gets a new link from the form for lost passwords, and the older one is void', async () => {
  const ann = await app.person('ann')
  await ann.delete('/v1/users/me')
  const first = await tokenFor(ann)
  await app.request('POST', '/v1/auth/forgot-password', { body: { email: ann.email } })
  const second = await eventually('a second mail', async () => {
    const token = await tokenFor(ann)
    return token !== first && token
  })
  assert.equal((await restore(first)).body.code, 'auth.link_invalid')
  assert.equal((await restore(second)).status, 204)
})

test('T40: the last super-admin may not leave; of two at once one stays', async () => {
  await db.updateTable('users').set({ platformRoles: [] }).execute()
  const [one, two] = [await app.superAdmin(), await app.superAdmin()]
  const answers = await Promise.all([one.delete('/v1/users/me'), two.delete('/v1/users/me')])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409])
  const refused = answers.find(({ status }) => status === 409)!
  assert.equal(refused.body.code, 'user.last_super_admin')
})

test('the only owner of an account with others may not leave until it is handed over', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const shop = await found(ann, 'Shop')
  await addMember(app, shop, bob, 'member')
  const refused = await ann.delete('/v1/users/me')
  assert.deepEqual([refused.status, refused.body.code], [409, 'user.sole_owner'])
  assert.match(refused.body.detail, new RegExp(shop))
  assert.equal(await mayAct(ann), 200)
  const handed = await ann.post(`/v1/accounts/${shop}/transfer`, { userId: bob.userId })
  assert.equal(handed.status, 200)
  assert.equal((await ann.delete('/v1/users/me')).status, 202)
})

test('an owner who is to be deleted is none that an account may be left to', async () => {
  const people = [await app.person('ann'), await app.person('bob'), await app.person('cy')] as const
  const [ann, bob, cy] = people
  const shop = await found(ann, 'Shop')
  await addMember(app, shop, bob, 'owner')
  await addMember(app, shop, cy, 'viewer')
  assert.equal((await bob.delete('/v1/users/me')).status, 202)
  const left = await ann.delete(`/v1/accounts/${shop}/members/me`)
  const demoted = await ann.patch(`/v1/accounts/${shop}/members/${ann.userId}`, { role: 'admin' })
  for (const { body } of [left, demoted]) assert.equal(body.code, 'member.last_owner')
})

test('of two owners who leave at once one is refused while others work there', async () => {
  const people = [await app.person('ann'), await app.person('bob'), await app.person('cy')] as const
  const [ann, bob, cy] = people
  const shop = await found(ann, 'Shop')
  await addMember(app, shop, bob, 'owner')
  await addMember(app, shop, cy, 'viewer')
  const answers = await Promise.all([ann.delete('/v1/users/me'), bob.delete('/v1/users/me')])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409])
})

test('two deletions of one user at once schedule one', async () => {
  const ann = await app.person('ann')
  const ctx = app.app.systemContext()
  const tries = [1, 2].map(() => scheduleDeletion(tools(), ctx, ann.userId))
  const outcomes = await Promise.allSettled(tries)
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const refused = outcomes.find((one) => one.status === 'rejected')!
  assert.equal(refused.reason.code, 'user.leaving')
  const mail = await app.mailTo(ann.email, 'account_deletion')
  assert.equal(mail.link, undefined, 'whom others delete gets no link')
  await restoreUser(tools(), ctx, ann.userId)
  assert.equal((await login(ann)).status, 200)
  await assert.rejects(restoreUser(tools(), ctx, ann.userId), { code: 'user.not_leaving' })
})

test('of a restoring and the end at once one wins, and nothing is half', async () => {
  for (let round = 0; round < 5; round++) {
    const ann = await app.person('ann')
    await ann.delete('/v1/users/me')
    const ctx = app.app.systemContext()
    const outcomes = await Promise.allSettled([
      restoreUser(tools(), ctx, ann.userId),
      (async () => {
        await letDaysPass(ann.userId)
        await sweep()
      })(),
    ])
    assert.equal(outcomes[1].status, 'fulfilled')
    const restored = outcomes[0].status === 'fulfilled'
    if (restored) assert.equal((await login(ann)).status, 200)
    else await untilErased(ann.userId)
    const isThere = (await statusOf(ann.userId)) === 'active'
    assert.equal(isThere, restored)
  }
})

test('after the days of grace nothing tells who it was, the log still verifies, and the address is free', async () => {
  const ann = await app.person('ann')
  const shop = await found(ann, app.unique('Anns shop'))
  const bob = await app.person('bob')
  const theirs = await found(bob, 'Bobs')
  await addMember(app, theirs, ann, 'member')
  await ann.put('/v1/users/me', { firstName: 'Annabel', lastName: 'Canary-Lovelace' })
  await ann.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })
  await addObjects(ann)
  assert.notDeepEqual(await objectsOf(ann), [])
  await ann.delete('/v1/users/me')
  await app.mailTo(ann.email, 'account_deletion')
  await letDaysPass(ann.userId)
  await untilErased(ann.userId)
  assert.deepEqual(await objectsOf(ann), [])

  await eventually('the log tells nothing of the person', async () => {
    const { rows } = await sql<{ n: number }>`select count(*)::integer as n from events
      where personal is not null and (actor->>'userId' = ${ann.userId} or target = ${ann.userId})`.execute(
      db,
    )
    return rows[0]!.n === 0
  })
  assert.deepEqual(await tablesWith(ann.email), [])
  assert.deepEqual(await tablesWith('Canary-Lovelace'), [])
  const verification = await verifyChain(db, { witnesses: [], keys: new Map() })
  assert.equal(verification.bad, undefined)

  const members = await bob.get(`/v1/accounts/${theirs}/members`, forAccount(theirs))
  assert.deepEqual(
    members.body.items.map(({ userId }: { userId: string }) => userId),
    [bob.userId],
  )
  assert.ok((await app.eventKinds(shop)).includes('account.deleted'))
  const again = { email: ann.email, password: ann.password }
  const registered = await app.request('POST', '/v1/auth/register', { body: again })
  assert.equal(registered.status, 201)
  assert.notEqual(registered.body.user.id, ann.userId)
})

/** A picture, an export, and a recorded session. */
async function addObjects(person: Person): Promise<void> {
  const { userId, accountId } = person
  const picture = sharp({ create: { width: 9, height: 9, channels: 3, background: '#c03' } }).png()
  const base64 = (await picture.toBuffer()).toString('base64')
  assert.equal((await person.put('/v1/users/me/avatar', { base64 })).status, 200)
  const { operationId } = (await person.post('/v1/users/me/export')).body
  await eventually('the export is ready', async () => {
    const { body } = await person.get(`/v1/operations/${operationId}`)
    return body.status === 'succeeded'
  })
  const ctx = app.app.systemContext()
  await addRefused(person)
  const [id, now] = [ctx.newId('ses'), ctx.clock.now()]
  await db
    .insertInto('browserSessions')
    .values({
      ...{ id, accountId, userId, instanceId: 'gone', status: 'closed', endReason: 'asked' },
      ...{ viewport: '{"width":800,"height":600}', metadata: '{}', idleTimeoutSeconds: 600 },
      ...{ timeoutSeconds: 600, createdAt: now, lastActivityAt: now, startedAt: now },
      ...{ endedAt: now, expiresAt: new Date(+now + 600_000), recording: '{}' },
      currentTitle: 'Canary-Lovelace',
    })
    .execute()
  await using store = await openLocalStore({
    ...{ root: join(app.home, 'objects'), publicUrl: () => app.url, clock: ctx.clock },
    signingKey: Buffer.alloc(32),
  })
  const put = { contentType: 'application/octet-stream', maxBytes: 100 }
  await store.put(`recordings/${accountId}/${id}/part-1`, Buffer.from('Canary-Lovelace'), put)
}

/** In a list of users whom somebody else was to make. */
async function addRefused({ email }: Person): Promise<void> {
  const [{ userId, accountId }, ctx] = [await app.person('lister'), app.app.systemContext()]
  const operation = { kind: 'users.create', status: 'queued' } as const
  const [operationId, createdAt] = [ctx.newId('op'), ctx.clock.now()]
  await db
    .insertInto('operations')
    .values({ id: operationId, ...operation, userId, accountId, createdAt })
    .execute()
  const row = { operationId, position: 0, userId: null, detail: null }
  const person = JSON.stringify({ email: email.toUpperCase(), lastName: 'Canary-Lovelace' })
  await db
    .insertInto('bulkRows')
    .values({ ...row, person, status: 'refused', code: 'auth.email_taken' })
    .execute()
}

/** Files of the object store whose path names the person or their account. */
async function objectsOf({ userId, accountId }: Person): Promise<string[]> {
  const entries = await readdir(app.home, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name))
  return paths.filter((path) => path.includes(userId) || path.includes(accountId))
}

/** Every table with a row that holds this text, whatever the column. */
async function tablesWith(text: string): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and has_table_privilege(oid, 'select')`.execute(db)
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql<{
      n: number
    }>`select count(*)::integer as n from ${sql.table(name)} t
      where strpos(lower(t::text), lower(${text})) > 0`.execute(db)
    if (rows[0]!.n > 0) found.push(name)
  }
  return found
}

test('erasing goes on where it was broken off, and a second run changes nothing', async () => {
  const ann = await app.person('ann')
  await ann.delete('/v1/users/me')
  await letDaysPass(ann.userId)
  const calls: string[] = []
  const step = (name: string, fails: () => boolean) => ({
    name,
    personal: {
      erase: async () => {
        calls.push(name)
        if (fails()) throw new Error('killed here')
      },
    },
  })
  let isBroken = true
  const records = [
    step('browsers', () => false),
    step('mails', () => isBroken),
    step('identity', () => false),
  ]
  const ctx = app.app.systemContext()
  await assert.rejects(eraseUser(tools(), ctx, ann.userId, records), /killed here/)
  await assert.rejects(restoreUser(tools(), ctx, ann.userId), { code: 'user.not_leaving' })
  isBroken = false
  await eraseUser(tools(), ctx, ann.userId, records)
  await eraseUser(tools(), ctx, ann.userId, records)
  assert.deepEqual(calls, ['browsers', 'mails', 'mails', 'identity'])
  assert.equal(await statusOf(ann.userId), 'deleted')
  const ended = await db
    .selectFrom('events')
    .select('id')
    .where('kind', '=', 'user.deleted')
    .where('target', '=', ann.userId)
    .execute()
  assert.equal(ended.length, 1)
})

test('somebody of the staff who leaves does nothing any more, also not in the name of others', async () => {
  const [staff, ann] = [await app.person('staff'), await app.person('ann')]
  await appoint(app, staff, 'support')
  const lent = await staff.post(`/v1/admin/users/${ann.userId}/impersonate`, { reason: 'to help' })
  const bearer = { headers: { authorization: `Bearer ${lent.body.accessToken}` } }
  assert.equal((await app.request('GET', '/v1/users/me', bearer)).status, 200)
  assert.equal((await staff.delete('/v1/users/me')).status, 202)
  assert.equal((await app.request('GET', '/v1/users/me', bearer)).status, 401)
})
