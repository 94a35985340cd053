import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { cloneDatabase } from '#test/database.ts'
import type { Refusal } from '#kernel/refusal.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { Refusals } from './refusals.ts'

function refusal(user: number, wanted: string, address = '192.0.2.1'): Refusal {
  const userId = `usr_${user}`
  const actor = { kind: 'user', userId, accountId: 'acc_1', roles: [], signInId: 'sgn_1' } as const
  return { actor, client: { address }, correlationId: 'c', wanted, code: 'auth.forbidden' }
}

interface Told {
  userId: string
  wanted: string
  count: number
}

async function openRefusals() {
  const database = await cloneDatabase()
  const kernel = await openTestKernel({ address: database.address })
  const refusals = new Refusals({ contextFor: kernel.contextFor, log: kernel.log })
  return {
    refusals,
    told: async () => {
      const { rows } = await sql<Told>`
        select actor->>'userId' as "userId", data->>'wanted' as "wanted", (data->>'count')::int as "count"
        from events order by id`.execute(kernel.db)
      return rows
    },
    [Symbol.asyncDispose]: async () => {
      await refusals[Symbol.asyncDispose]()
      await kernel[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

test('a flood of one refusal is two events, which together have its number', async () => {
  await using open = await openRefusals()
  for (let times = 0; times < 5_000; times++) open.refusals.note(refusal(1, 'GET /a'))
  await open.refusals.flush()
  const counts = (await open.told()).map(({ count }) => count)
  assert.deepEqual(counts.sort(), [1, 4_999])
})

test('many different refusals of one actor end in one event, and nobody else’s are lost for it', async () => {
  await using open = await openRefusals()
  for (let route = 0; route < 1_000; route++) open.refusals.note(refusal(1, `GET /${route}`))
  open.refusals.note(refusal(2, 'GET /a'))
  await open.refusals.flush()
  const told = await open.told()
  assert.ok(told.length <= 24, String(told.length))
  const sum = (user: string) =>
    told.filter(({ userId }) => userId === user).reduce((total, { count }) => total + count, 0)
  assert.deepEqual([sum('usr_1'), sum('usr_2')], [1_000, 1])
  assert.ok(told.some(({ wanted }) => wanted === 'several'))
})

test('a flood of many actors from many addresses is bounded, and the next window begins anew', async () => {
  await using open = await openRefusals()
  for (let user = 0; user < 3_000; user++) {
    open.refusals.note(refusal(user, 'GET /a', `192.0.2.${user % 250}`))
  }
  await open.refusals.flush()
  const told = await open.told()
  assert.equal(told.length, 257)
  const { count } = told.find(({ wanted }) => wanted === 'others')!
  assert.equal(count, 3_000 - 256, 'what there was no room for is counted')
  open.refusals.note(refusal(9_999, 'GET /a'))
  await open.refusals.flush()
  assert.equal((await open.told()).length, 258)
})

test('strangers of many addresses leave room for those who are signed in', async () => {
  await using open = await openRefusals()
  for (let stranger = 0; stranger < 1_000; stranger++) {
    const client = { address: `192.0.2.${stranger % 250}`, agent: `${stranger}` }
    const about = { client, wanted: `GET /${stranger}`, code: 'addresses.blocked' }
    open.refusals.note({ actor: { kind: 'anonymous' }, correlationId: 'c', ...about })
  }
  open.refusals.note(refusal(1, 'GET /a'))
  await open.refusals.flush()
  const told = await open.told()
  assert.deepEqual(
    told.filter(({ userId }) => userId === 'usr_1').map(({ count }) => count),
    [1],
  )
  assert.equal(told.length, 64 + 1 + 1)
  assert.equal(
    told.reduce((total, { count }) => total + count, 0),
    1_001,
  )
})
