import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addMember, appoint, found, foundReseller } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()

type Seen = { id: string; email: string; lastLoginAt?: string }

const list = (query: string, as: Person = root) => as.get(`/v1/admin/users?${query}`)

async function idsIn(query: string, as: Person = root): Promise<string[]> {
  const { status, body } = await list(`limit=100&${query}`, as)
  assert.equal(status, 200, JSON.stringify(body))
  return body.items.map(({ id }: Seen) => id)
}

/** Every page of the list, one after the other. */
async function walk(query: string, as: Person = root): Promise<Seen[]> {
  const seen: Seen[] = []
  for (let cursor = ''; ;) {
    const { status, body } = await list(`${query}${cursor && `&cursor=${cursor}`}`, as)
    assert.equal(status, 200, JSON.stringify(body))
    seen.push(...body.items)
    if (!body.nextCursor) return seen
    cursor = body.nextCursor
  }
}

test('a search finds the part of an address or a name, and no character in it is a pattern', async () => {
  const word = app.unique('needle')
  const ann = await app.person(`${word}-ann`)
  const bob = await app.person(`${word}-bob`)
  await ann.put('/v1/users/me', { firstName: '100%_Ann\\', lastName: `O'${word}` })
  const both = [ann.userId, bob.userId].sort()
  assert.deepEqual((await idsIn(`q=${word.toUpperCase()}`)).sort(), both)
  for (const text of ['100%_ann\\', "%_ann\\ o'needle", '0%_A']) {
    assert.deepEqual(await idsIn(`q=${encodeURIComponent(text)}`), [ann.userId], text)
  }
  assert.ok((await list('q=a%00b')).status < 500)
  for (const text of ['%_%', '100__ann', '.*', 'a%b', `${word}%`, '\\\\']) {
    assert.deepEqual(await idsIn(`q=${encodeURIComponent(text)}`), [], text)
  }
})

test('each filter keeps those whom it names', async () => {
  const word = app.unique('filter')
  const [plain, staff] = [await app.person(word, { verified: false }), await app.person(word)]
  await appoint(app, staff, 'support')
  await root.put(`/v1/admin/users/${plain.userId}/tier`, { tier: 'premium' })
  await root.post(`/v1/admin/users/${plain.userId}/deactivate`)
  const both = [plain.userId, staff.userId].sort()
  const cases: [string, string[]][] = [
    ['status=disabled', [plain.userId]],
    ['status=active', [staff.userId]],
    ['role=support', [staff.userId]],
    ['role=admin', []],
    ['tier=premium', [plain.userId]],
    ['verified=false', [plain.userId]],
    ['secondFactor=true', []],
    ['secondFactor=false', both],
    [`accountId=${staff.accountId}`, [staff.userId]],
    ['createdFrom=2020-01-01T00:00:00Z', both],
    ['createdTo=2020-01-01T00:00:00Z', []],
    ['lastLoginFrom=2020-01-01T00:00:00Z', both],
    ['lastLoginTo=2020-01-01T00:00:00Z', []],
  ]
  for (const [filter, wanted] of cases) {
    assert.deepEqual((await idsIn(`q=${word}&${filter}`)).sort(), wanted, filter)
  }
})

test('pages follow each other in every order, none twice and none left out, also of those who never signed in', async () => {
  const word = app.unique('page')
  const people: Person[] = []
  for (let count = 0; count < 5; count++) people.push(await app.person(word))
  const { db } = app.app.systemContext()
  const never = people.slice(0, 2).map(({ userId }) => userId)
  await db.updateTable('users').set({ lastLoginAt: null }).where('id', 'in', never).execute()
  for (const field of ['createdAt', 'email', 'lastLoginAt'] as const) {
    const up = await walk(`q=${word}&limit=2&sort=${field}`)
    const down = await walk(`q=${word}&limit=2&sort=-${field}`)
    const ids = up.map(({ id }) => id)
    assert.equal(new Set(ids).size, 5)
    assert.deepEqual(down.map(({ id }) => id).reverse(), ids)
    const values = up.map((user) => (user as Record<string, string>)[field] ?? '')
    assert.deepEqual(values, [...values].sort(), field)
  }
  const { body } = await list(`q=${word}&limit=2`)
  assert.equal(body.total, 5)
})

test('T38, T67: an order or a filter that has no name here, and a cursor that was not made for it, are refused', async () => {
  for (const query of ['sort=password_hash', 'sort=passwordHash', 'include=accounts', 'filter=x']) {
    const { status, body } = await list(query)
    assert.deepEqual([status, body.code], [400, 'request.invalid'], query)
  }
  await app.person()
  await app.person()
  const { nextCursor } = (await list('limit=1&sort=email')).body
  const [encoded, mac] = nextCursor.split('.')
  const [, id] = JSON.parse(Buffer.from(encoded, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify(['a@b.c', id])).toString('base64url')
  const cursors = [
    ...[`sort=email&cursor=${forged}.${mac}`, 'sort=email&cursor=x.y', `cursor=${nextCursor}`],
    `sort=-email&cursor=${nextCursor}`,
    `sort=email&status=active&cursor=${nextCursor}`,
  ]
  const support = await app.person()
  await appoint(app, support, 'support')
  for (const [query, as] of [
    ...cursors.map((one) => [one, root] as const),
    [`sort=email&cursor=${nextCursor}`, support] as const,
  ]) {
    const { status, body } = await list(query, as)
    assert.deepEqual([status, body.code], [400, 'request.bad_cursor'], query)
  }
  assert.equal((await list(`limit=1&sort=email&cursor=${nextCursor}`)).status, 200)
})

test('T37: the admin of a reseller sees whoever acts for an account below, and of nobody else so much as that they exist', async () => {
  const [lead, below] = [await app.person('lead'), await app.person('below')]
  const [beside, stranger] = [await app.person('beside'), await app.person('stranger')]
  const reseller = await foundReseller(app, lead)
  const child = await found(root, app.unique('child'), { parentId: reseller })
  const other = await foundReseller(app, stranger)
  await addMember(app, child, below, 'member')
  await addMember(app, reseller, beside, 'member')
  await addMember(app, child, stranger, 'viewer')
  const { db } = app.app.systemContext()
  const home = (person: Person, accountId: string) =>
    db.updateTable('users').set({ accountId }).where('id', '=', person.userId).execute()
  await home(below, child)
  await home(beside, reseller)
  const there = { 'gantry-account': reseller }
  const seen = await lead.get('/v1/admin/users', there)
  assert.deepEqual(
    seen.body.items.map(({ id }: Seen) => id),
    [below.userId],
  )
  assert.equal(seen.body.total, 1)
  const shown = await lead.get(`/v1/admin/users/${below.userId}`, there)
  assert.deepEqual(
    shown.body.accounts.map(({ id }: Seen) => id),
    [child],
    'the personal account of somebody below is not told',
  )
  for (const { userId } of [beside, stranger, root, lead]) {
    const foreign = await lead.get(`/v1/admin/users/${userId}`, there)
    assert.deepEqual([foreign.status, foreign.body.code], [404, 'user.not_found'])
  }
  const filtered = await lead.get(`/v1/admin/users?accountId=${other}`, there)
  assert.deepEqual([filtered.status, filtered.body.code], [404, 'account.not_found'])
  const inChild = await lead.get('/v1/admin/users', { 'gantry-account': child })
  assert.equal(inChild.body.items.length, 1)
  for (const person of [below, beside, stranger]) {
    assert.equal((await person.get('/v1/admin/users')).status, 403)
  }
})

test('nothing secret is in what is shown', async () => {
  const ann = await app.person()
  const texts = [
    (await list(`q=${ann.email}`)).body,
    (await root.get(`/v1/admin/users/${ann.userId}`)).body,
  ].map((body) => JSON.stringify(body))
  for (const text of texts) assert.doesNotMatch(text, /argon2|password|settings|emailKey|"ver"/i)
})
