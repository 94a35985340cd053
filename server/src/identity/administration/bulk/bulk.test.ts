import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { eventually } from '#kernel/test-support.ts'
import { addMember, appoint, found, foundReseller } from '#test/accounts.ts'
import { type Answer, type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()
const { db } = app.app.systemContext()
const BULK = '/v1/admin/users/bulk'
const ROWS = '/v1/admin/bulk'

const said = ({ status, body }: Answer) => [status, body.code]

async function people(count: number): Promise<Person[]> {
  const made: Person[] = []
  for (let n = 0; n < count; n++) made.push(await app.person('many'))
  return made
}

const idsOf = (persons: Person[]) => persons.map(({ userId }) => userId)

async function ended(id: string, as = root) {
  return eventually(`${id} has ended`, async () => {
    const { body } = await as.get(`/v1/operations/${id}`)
    return body.endedAt ? body : undefined
  })
}

/** Does it, and tells what became of the operation and of each row. */
async function carryOut(change: object, as = root) {
  const started = await as.post(BULK, change)
  assert.equal(started.status, 202, JSON.stringify(started.body))
  const { operationId } = started.body
  assert.equal(started.headers.get('location'), `/api/v1/operations/${operationId}`)
  const operation = await ended(operationId, as)
  return { operation, rows: (await as.get(`${ROWS}/${operationId}?limit=100`)).body.items }
}

async function statusesOf(persons: Person[]): Promise<string[]> {
  const rows = await db
    .selectFrom('users')
    .select(['id', 'status'])
    .where('id', 'in', idsOf(persons))
    .execute()
  return persons.map(({ userId }) => rows.find(({ id }) => id === userId)!.status)
}

async function countOperations(): Promise<number> {
  return (await db.selectFrom('operations').select('id').execute()).length
}

test('many users are changed one by one, with progress and with what became of each', async () => {
  const [ann, bob, eve] = (await people(3)) as [Person, Person, Person]
  await root.post(`/v1/admin/users/${bob.userId}/deactivate`)
  const userIds = idsOf([ann, bob, eve])
  const { operation, rows } = await carryOut({ operation: 'deactivate', userIds })
  assert.deepEqual(
    [operation.kind, operation.status, operation.progress],
    ['users.deactivate', 'succeeded', { done: 3, total: 3 }],
  )
  assert.deepEqual(operation.result, { done: 2, unchanged: 1, refused: 0 })
  assert.deepEqual(rows, [
    { row: 0, userId: ann.userId, status: 'done' },
    { row: 1, userId: bob.userId, status: 'unchanged' },
    { row: 2, userId: eve.userId, status: 'done' },
  ])
  assert.equal((await ann.get('/v1/users/me')).status, 401)
  const again = await carryOut({ operation: 'reactivate', userIds })
  assert.deepEqual(again.operation.result, { done: 3, unchanged: 0, refused: 0 })
  const tier = await carryOut({ operation: 'tier', tier: 'enterprise', userIds })
  assert.equal(tier.operation.result.done, 3)
  const roles = await carryOut({ operation: 'roles', roles: ['support'], userIds })
  assert.equal(roles.operation.result.done, 3)
  const gone = await carryOut({ operation: 'delete', userIds })
  assert.equal(gone.operation.result.done, 3)
  assert.deepEqual(await statusesOf([ann, bob, eve]), ['leaving', 'leaving', 'leaving'])
})

test('users are made from rows, and the row of an address that is taken says so', async () => {
  const taken = await app.person()
  const account = await found(root, app.unique('shop'))
  const users = [
    { email: `${app.unique('row')}@example.test`, firstName: 'Row', accountId: account },
    { email: taken.email.toUpperCase() },
    { email: `${app.unique('row')}@example.test` },
  ]
  const { operation, rows } = await carryOut({ operation: 'create', users })
  assert.deepEqual(operation.result, { done: 2, unchanged: 0, refused: 1 })
  assert.deepEqual(
    rows.map((row: { status: string; code?: string }) => row.code ?? row.status),
    ['done', 'auth.email_taken', 'done'],
  )
  const first = (await root.get(`/v1/admin/users/${rows[0].userId}`)).body
  assert.deepEqual([first.email, first.accountId], [users[0]!.email, account])
  assert.ok((await app.mailTo(users[2]!.email, 'user_created')).link)
})

test('T38: one user among a hundred whom the caller does not reach, and nobody is changed', async () => {
  const lead = await app.person('lead')
  const reseller = await foundReseller(app, lead)
  const child = await found(root, app.unique('child'), { parentId: reseller })
  const own = await people(5)
  for (const person of own) await addMember(app, child, person, 'member')
  await db.updateTable('users').set({ accountId: child }).where('id', 'in', idsOf(own)).execute()
  const there = { 'gantry-account': reseller }
  const [stranger] = (await people(1)) as [Person]
  const before = await countOperations()
  const tried = (change: object) => lead.post(BULK, change, there)
  for (const change of [
    { operation: 'deactivate', userIds: [...idsOf(own), stranger.userId] },
    { operation: 'delete', userIds: [root.userId, ...idsOf(own)] },
    { operation: 'reactivate', userIds: [...idsOf(own), 'usr_00000000000000000000000000'] },
  ]) {
    assert.deepEqual(said(await tried(change)), [404, 'user.not_found'])
  }
  const tier = { operation: 'tier', tier: 'enterprise', userIds: idsOf(own) }
  assert.deepEqual(said(await tried(tier)), [403, 'auth.forbidden'])
  const create = { operation: 'create', users: [{ email: 'x@example.test', accountId: child }] }
  assert.deepEqual(said(await tried(create)), [403, 'auth.forbidden'])
  assert.deepEqual(
    await statusesOf(own),
    own.map(() => 'active'),
  )
  assert.equal(await countOperations(), before)
  const fine = await tried({ operation: 'deactivate', userIds: idsOf(own) })
  assert.equal(fine.status, 202)
  const operation = await eventually('it has ended', async () => {
    const { body } = await lead.get(`/v1/operations/${fine.body.operationId}`, there)
    return body.endedAt ? body : undefined
  })
  assert.equal(operation.result.done, 5)
  const foreign = await stranger.get(`/v1/operations/${fine.body.operationId}`)
  assert.equal(foreign.status, 404)
})

test('T40: nobody raises or changes their equals by doing it to many', async () => {
  const [admin, peer, plain] = (await people(3)) as [Person, Person, Person]
  await appoint(app, admin, 'admin')
  await appoint(app, peer, 'admin')
  const cases: [object, unknown[]][] = [
    [
      { operation: 'roles', roles: ['super-admin'], userIds: [plain.userId] },
      [403, 'user.role_above_you'],
    ],
    [
      { operation: 'roles', roles: [], userIds: [plain.userId, root.userId] },
      [403, 'user.not_below_you'],
    ],
    [
      { operation: 'deactivate', userIds: [plain.userId, peer.userId] },
      [403, 'user.not_below_you'],
    ],
    [{ operation: 'deactivate', userIds: [admin.userId, plain.userId] }, [409, 'user.is_you']],
  ]
  for (const [change, wanted] of cases) {
    assert.deepEqual(said(await admin.post(BULK, change)), wanted, JSON.stringify(change))
  }
  const last = await carryOut({ operation: 'roles', roles: [], userIds: [admin.userId] })
  assert.equal(last.operation.result.done, 1)
})

test('T39: what is no part of a change, twice the same, none and too many are refused', async () => {
  const [ann] = (await people(1)) as [Person]
  const { userId } = ann
  const many = Array.from({ length: 1_001 }, (_, n) => `usr_${String(n).padStart(26, '0')}`)
  for (const change of [
    { operation: 'deactivate', userIds: [userId, userId] },
    { operation: 'deactivate', userIds: [] },
    { operation: 'deactivate', userIds: many },
    { operation: 'deactivate', userIds: [userId], tier: 'premium' },
    { operation: 'explode', userIds: [userId] },
    { operation: 'create', users: [{ email: 'a@b.test', platformRoles: ['super-admin'] }] },
    { operation: 'create', users: [{ email: 'a@b.test', passwordHash: 'x' }] },
    { operation: 'create', users: [{ email: 'a@b.test' }, { email: 'A@B.test' }] },
    { operation: 'create', users: [{ email: 'a@b.test', role: 'owner' }] },
  ]) {
    const refused = await root.post(BULK, change)
    assert.deepEqual(said(refused), [400, 'request.invalid'], JSON.stringify(change).slice(0, 100))
  }
})

test('the same request under one idempotency key is one operation', async () => {
  const [ann] = (await people(1)) as [Person]
  const change = { operation: 'deactivate', userIds: [ann.userId] }
  const key = { 'idempotency-key': app.unique('key') }
  const first = await root.post(BULK, change, key)
  const second = await root.post(BULK, change, key)
  assert.deepEqual([first.status, second.status], [202, 202])
  assert.equal(second.body.operationId, first.body.operationId)
  assert.equal((await ended(first.body.operationId)).result.done, 1)
})

/** Holds one user, so that whoever wants to change them waits. */
async function holdBack(userId: string) {
  const held = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const holding = app.app.systemContext().transaction(async (ctx) => {
    await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
    held.resolve()
    // The database ends a transaction in which nothing is said for long.
    const isReleased = () => Promise.race([released.promise.then(() => true), sleep(1_000)])
    while (!(await isReleased())) await sql`select`.execute(ctx.db)
  })
  await held.promise
  return async () => {
    released.resolve()
    await holding
  }
}

test('a change to many that is cancelled stops where it is: what is done stays, the rest never is', async () => {
  const persons = await people(6)
  const release = await holdBack(persons[2]!.userId)
  try {
    const userIds = idsOf(persons)
    const { operationId } = (await root.post(BULK, { operation: 'deactivate', userIds })).body
    await eventually('it waits for the third', async () => {
      const { body } = await root.get(`/v1/operations/${operationId}`)
      return body.progress.done === 2
    })
    const [other] = (await people(1)) as [Person]
    assert.equal((await other.delete(`/v1/operations/${operationId}`)).status, 404)
    let isThrough = false
    const cancelling = root.delete(`/v1/operations/${operationId}`)
    void cancelling.finally(() => (isThrough = true))
    await eventually('it waits for the row, or is through', async () => {
      return isThrough || (await isWaiting())
    })
    await release()
    const cancelled = await cancelling
    assert.deepEqual([cancelled.status, cancelled.body.status], [200, 'cancelled'])
    const settled = await statusesOf(persons)
    assert.deepEqual(settled.slice(0, 2), ['disabled', 'disabled'])
    assert.equal(settled.at(-1), 'active')
    assert.deepEqual(said(await root.delete(`/v1/operations/${operationId}`)), [
      409,
      'operation.ended',
    ])
    await eventually('its job is over', () => isJobOver(operationId))
    assert.deepEqual(await statusesOf(persons), settled)
    const { items } = (await root.get(`${ROWS}/${operationId}`)).body
    assert.deepEqual(
      items.map(({ status }: { status: string }) => status === 'done'),
      settled.map((status) => status === 'disabled'),
    )
  } finally {
    await release()
  }
})

/** Whether somebody waits for the row of an operation. */
async function isWaiting(): Promise<boolean> {
  const { rows } = await sql`
    select from pg_locks
    where locktype = 'tuple' and relation = 'operations'::regclass
      and database = (select oid from pg_database where datname = current_database())`.execute(db)
  return rows.length > 0
}

async function isJobOver(operationId: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from pgboss.job
    where name = 'identity.change_many_users' and state = 'completed'
      and data -> 'input' ->> 'operationId' = ${operationId}`.execute(db)
  return rows.length > 0
}

test('an account has three changes to many at once, and no more', async () => {
  const [target] = (await people(1)) as [Person]
  const release = await holdBack(target.userId)
  const started: string[] = []
  try {
    const change = { operation: 'tier', tier: 'premium', userIds: [target.userId] }
    const replies = await Promise.all([1, 2, 3, 4, 5].map(() => root.post(BULK, change)))
    for (const { status, body } of replies) if (status === 202) started.push(body.operationId)
    assert.equal(started.length, 3)
    const [refused] = replies.filter(({ status }) => status !== 202)
    assert.deepEqual(said(refused!), [409, 'user.too_many_bulk'])
  } finally {
    await release()
  }
  for (const id of started) assert.equal((await ended(id)).status, 'succeeded')
})

test('whoever loses the right meanwhile has the rest refused', async () => {
  const admin = await app.person()
  await appoint(app, admin, 'admin')
  const persons = await people(3)
  const release = await holdBack(persons[0]!.userId)
  let operationId: string
  try {
    const change = { operation: 'deactivate', userIds: idsOf(persons) }
    operationId = (await admin.post(BULK, change)).body.operationId
    await eventually('it has begun', async () => {
      return (await admin.get(`/v1/operations/${operationId}`)).body.status === 'running'
    })
    await appoint(app, admin)
  } finally {
    await release()
  }
  const operation = await eventually('it has ended', async () => {
    const row = await db
      .selectFrom('operations')
      .selectAll()
      .where('id', '=', operationId)
      .executeTakeFirstOrThrow()
    return row.endedAt ? row : undefined
  })
  assert.ok((operation.result as { refused: number }).refused >= 2)
  assert.deepEqual((await statusesOf(persons)).slice(1), ['active', 'active'])
})

test('what became of each is told in pages, to nobody else', async () => {
  const persons = await people(3)
  const { operation } = await carryOut({ operation: 'reactivate', userIds: idsOf(persons) })
  const path = `${ROWS}/${operation.id}`
  const first = (await root.get(`${path}?limit=2`)).body
  const second = (await root.get(`${path}?limit=2&cursor=${first.nextCursor}`)).body
  const rows = [...first.items, ...second.items].map(({ row }: { row: number }) => row)
  assert.deepEqual([rows, second.nextCursor], [[0, 1, 2], null])
  const forged = await root.get(`${path}?cursor=MA.x`)
  assert.deepEqual(said(forged), [400, 'request.bad_cursor'])
  const other = await app.superAdmin()
  assert.deepEqual(said(await other.get(path)), [404, 'operation.not_found'])
})
