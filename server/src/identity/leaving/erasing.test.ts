import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sql } from 'kysely'
import sharp from 'sharp'
import { verifyChain } from '#audit/index.ts'
import { openLocalStore } from '#kernel/storage/local.ts'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found } from '#test/accounts.ts'
import type { Person } from '#test/app.ts'
import { eraseUser } from './erase.ts'
import { restoreUser } from './restore.ts'
import { app, db, tools, login, letDaysPass, sweep, statusOf, untilErased } from './fixture.ts'

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
