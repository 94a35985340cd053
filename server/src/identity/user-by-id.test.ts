import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addMember, appoint, forAccount, found, foundReseller } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const path = ({ userId }: Person) => `/v1/users/${userId}`

test('everybody reads, changes and writes back themselves by id as by `me`', async () => {
  const ann = await app.person('ann')
  const read = await ann.get(path(ann))
  assert.deepEqual(read.body, (await ann.get('/v1/users/me')).body)
  const changed = await ann.put(path(ann), { ...read.body, firstName: 'Ann' })
  assert.deepEqual([changed.status, changed.body.firstName], [200, 'Ann'])
  const forged = await ann.put(path(ann), { status: 'active' })
  assert.equal(forged.body.code, 'request.invalid')
})

test('T37: nobody else is there for whoever may not see them, whatever is tried', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const shop = await found(bob, 'Shop')
  await addMember(app, shop, ann, 'admin')
  for (const headers of [{}, forAccount(shop)]) {
    const answers = [
      await ann.get(path(bob), headers),
      await ann.put(path(bob), { firstName: 'Eve' }, headers),
      await ann.delete(path(bob), headers),
      await ann.get(`${path(bob)}/activity`, headers),
    ]
    for (const { status, body } of answers) {
      assert.deepEqual([status, body.code], [404, 'user.not_found'])
    }
  }
  assert.equal((await bob.get(path(bob))).body.firstName, undefined)
})

test('support sees and changes nothing; an admin changes names and deletes those below', async () => {
  const [support, admin, ann] = [await app.person(), await app.person(), await app.person('ann')]
  await appoint(app, support, 'support')
  await appoint(app, admin, 'admin')
  const seen = await support.get(path(ann))
  assert.deepEqual([seen.status, seen.body.email, seen.body.settings], [200, ann.email, undefined])
  assert.equal((await support.get(`${path(ann)}/activity`)).status, 200)
  assert.equal((await support.put(path(ann), { firstName: 'Eve' })).status, 403)
  assert.equal((await support.delete(path(ann))).status, 403)

  const changed = await admin.put(path(ann), { ...seen.body, firstName: 'Annabel' })
  assert.deepEqual([changed.status, changed.body.firstName], [200, 'Annabel'])
  const settings = await admin.put(path(ann), { settings: { theme: 'dark' } })
  assert.equal(settings.body.code, 'request.invalid')
  assert.equal((await admin.delete(path(ann))).status, 202)
  assert.equal((await ann.get('/v1/users/me')).status, 401)
  assert.equal((await admin.delete(path(ann))).body.code, 'user.leaving')
  const root = await app.superAdmin()
  assert.equal((await admin.delete(path(root))).body.code, 'user.not_below_you')
})

test('a reseller sees whom the accounts below it have, and of their activity what happened there', async () => {
  const [lead, ann, bob] = [await app.person('lead'), await app.person('ann'), await app.person()]
  const reseller = await foundReseller(app, lead)
  const below = await found(lead, 'Customer', { parentId: reseller })
  await addMember(app, below, ann, 'owner')
  const { db } = app.app.systemContext()
  await db.updateTable('users').set({ accountId: below }).where('id', '=', ann.userId).execute()
  app.app.identity.tools.userChanged(ann.userId)

  assert.equal((await lead.get(path(ann))).body.email, ann.email)
  const { items } = (await lead.get(`${path(ann)}/activity`)).body
  assert.ok(items.every(({ accountId }: { accountId: string }) => accountId === below))
  assert.equal((await lead.get(path(bob))).status, 404)
  await addMember(app, reseller, bob, 'member')
  assert.equal((await lead.get(path(bob))).status, 404)
})
