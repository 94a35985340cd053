import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Context } from '#kernel/context.ts'
import { eventually } from '#kernel/test-support.ts'

import { type Person, startApp } from '#test/app.ts'
import { takeUsage } from './take.ts'
import { addRelay, addTunnel, entry } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const system = app.app.systemContext()
const at = { db: system.db, ctx: system }
const relayId = await addRelay(at)
const GIB = 2 ** 30

let journals = 0
/** As a relay would, from a journal of its own. */
function report(tunnelId: string, counts: { bytesOut: number }, ctx: Context = system) {
  const minute = ctx.clock.now().toISOString()
  return takeUsage(ctx, relayId, `j${++journals}`, [
    entry({ sequence: 1, tunnelId, minute, bytesIn: 0, ...counts }),
  ])
}

async function bytesQuota(person: Person) {
  const { body } = await person.get('/v1/quotas')
  return body.items.find(({ name }: { name: string }) => name === 'tunnels.bytes')
}

test('usage of an account is that of its tunnels, deleted ones too, and of nobody else', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { accountId } = ann
  const [kept, deleted] = [
    await addTunnel(at, { accountId }),
    await addTunnel(at, { accountId, deleted: true }),
  ]
  await report(kept.id, { bytesOut: 1_000 })
  await report(deleted.id, { bytesOut: 500 })
  const { status, body } = await ann.get('/v1/usage?months=2')
  assert.equal(status, 200)
  assert.equal(body.accountId, accountId)
  assert.deepEqual(
    body.periods.map(({ tunnels }: { tunnels: unknown }) => tunnels),
    [
      ...[
        {
          requests: 20,
          failures: 2,
          successRate: 0.9,
          connections: 4,
          bytesIn: 0,
          bytesOut: 1_500,
        },
      ],
      ...[{ requests: 0, failures: 0, successRate: null, connections: 0, bytesIn: 0, bytesOut: 0 }],
    ],
  )
  const { body: others } = await bob.get('/v1/usage?months=1')
  assert.equal(others.periods[0].tunnels.requests, 0)
  assert.equal((await ann.get('/v1/usage?months=0')).status, 400)
})

test('every quota tells what is used, how much there may be, and when it resets', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  await report(id, { bytesOut: 7 })
  const { body } = await ann.get('/v1/quotas')
  const names = body.items.map(({ name }: { name: string }) => name)
  for (const name of ['keys.counting', 'sessions.open', 'tunnels.bytes'])
    assert.ok(names.includes(name))
  const now = system.clock.now()
  const reset = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)).toISOString()
  const quota = await bytesQuota(ann)
  assert.deepEqual([quota.used, quota.limit, quota.resetsAt], [7, 100 * GIB, reset])
})

test('at four fifths of its bytes an account is warned, beyond them it is told, each once', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const kinds = async () =>
    (await app.eventKinds(ann.accountId)).filter((kind) => kind.startsWith('quota.'))
  await report(id, { bytesOut: 79 * GIB })
  assert.deepEqual(await kinds(), [])
  await Promise.all([report(id, { bytesOut: GIB }), report(id, { bytesOut: GIB })])
  assert.deepEqual(await kinds(), ['quota.warning'])
  await Promise.all([1, 2, 3].map(() => report(id, { bytesOut: 10 * GIB })))
  assert.deepEqual(await kinds(), ['quota.warning', 'quota.exceeded'])
})

test('a tier with a higher limit opens the tunnels of an account again', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const { id, accountId } = await addTunnel(at, { accountId: ann.accountId })
  await report(id, { bytesOut: 101 * GIB })
  const isBlocked = async () => {
    const row = await system.db
      .selectFrom('tunnelQuotas')
      .select('blocked')
      .where('accountId', '=', accountId)
      .executeTakeFirstOrThrow()
    return row.blocked
  }
  assert.equal(await isBlocked(), true)
  const path = `/v1/admin/users/${ann.userId}/tier`
  assert.equal((await root.put(path, { tier: 'premium' })).status, 200)
  await eventually('the account to be open again', async () => !(await isBlocked()))
})

test('the report of a month has a line for each account and tier, as pages and as a file', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const { accountId } = ann
  const name = '=HYPERLINK("https://evil.test","Open")'
  await system.db.updateTable('accounts').set({ name }).where('id', '=', accountId).execute()
  const { id } = await addTunnel(at, { accountId })
  await report(id, { bytesOut: 10 })
  await system.db
    .updateTable('accounts')
    .set({ tier: 'premium' })
    .where('id', '=', accountId)
    .execute()
  await report(id, { bytesOut: 20 })

  const rows = []
  for (let cursor = ''; ;) {
    const { body } = await root.get(`/v1/admin/reports/tunnels?limit=1${cursor}`)
    rows.push(...body.items)
    if (body.nextCursor === null) break
    cursor = `&cursor=${body.nextCursor}`
  }
  const own = rows.filter((row) => row.accountId === accountId)
  assert.deepEqual(
    own.map(({ account, tier, tunnels, bytesOut }) => [account, tier, tunnels, bytesOut]),
    [
      [name, 'free', 1, 10],
      [name, 'premium', 1, 20],
    ],
  )
  const file = await root.get('/v1/admin/reports/tunnels?format=csv')
  assert.match(file.headers.get('content-type')!, /^text\/csv/)
  const lines = file.body.toString().split('\r\n')
  assert.match(lines[0], /^accountId,account,tier,period,tunnels,requests/)
  const line = lines.find((line: string) => line.startsWith(accountId) && line.includes('premium'))
  assert.ok(
    line.startsWith(`${accountId},"'=HYPERLINK(""https://evil.test"",""Open"")",premium,`),
    line,
  )
  assert.equal((await ann.get('/v1/admin/reports/tunnels')).status, 403)
})

test('metrics hear of what was taken, and of nothing that is reported again', async () => {
  const ann = await app.person('ann')
  const { id: tunnelId } = await addTunnel(at, { accountId: ann.accountId })
  const minute = system.clock.now().toISOString()
  const heard: number[] = []
  const counted = (counts: readonly { bytesOut: number }[]) =>
    heard.push(...counts.map(({ bytesOut }) => bytesOut))
  const one = entry({ sequence: 1, tunnelId, minute, bytesOut: 5 })
  await takeUsage(system, relayId, 'heard', [one], counted)
  const two = entry({ sequence: 2, tunnelId, minute, bytesOut: 7 })
  await takeUsage(system, relayId, 'heard', [one, two], counted)
  assert.deepEqual(heard, [5, 7])
})
