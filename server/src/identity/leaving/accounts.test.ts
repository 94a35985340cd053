import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found, foundReseller } from '#test/accounts.ts'
import type { Person } from '#test/app.ts'
import { app, db, mayAct, login, tokenFor, restore, letDaysPass, untilErased } from './fixture.ts'

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
