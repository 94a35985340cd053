import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Context } from '#kernel/context.ts'
import { eventually } from '#kernel/test-support.ts'
import { codeOf } from '../test-support.ts'
import { tidyKeys } from './jobs.ts'
import { CreateApiKey } from './schema.ts'
import { createKey, getKey, listKeys, revokeKey } from './service.ts'
import { showKeyAgain } from './show-again.ts'
import { addMember, DAY_MS, openTestKeys } from './test-support.ts'

const app = await openTestKeys()
after(() => app[Symbol.asyncDispose]())
const { clock, tools } = app

const input = CreateApiKey.parse({ name: 'a program', scopes: ['sessions.read'] })
const makeSealed = (ctx: Context) => createKey(tools, ctx, input, { again: true })
const tidy = () => tidyKeys.run(app.kernel.ctx, {}, undefined as never)

/** When and where the key was used last, once that is another time than before. */
function useAfter(ctx: Context, id: string, before: Date | null): Promise<[Date, string]> {
  return eventually('the last use is written', async () => {
    const { lastUsedAt, lastUsedIp } = await getKey(ctx, id)
    const isAnother = lastUsedAt && lastUsedAt.getTime() !== before?.getTime()
    return isAnother ? [lastUsedAt, lastUsedIp!] : undefined
  })
}

test('the last use is written behind the request, and again after a minute', async () => {
  const ctx = await app.newcomer()
  const { row, key } = await app.make(ctx)
  await app.use(key, '192.0.2.7')
  const firstAt = clock.now()
  assert.deepEqual(await useAfter(ctx, row.id, null), [firstAt, '192.0.2.7'])
  clock.advance(59_000)
  await app.use(key, '192.0.2.8')
  clock.advance(1_000)
  await app.use(key, '192.0.2.9')
  assert.deepEqual(await useAfter(ctx, row.id, firstAt), [clock.now(), '192.0.2.9'])
})

test('a refused request is no use, and uses are written before the process ends', async () => {
  const ctx = await app.newcomer()
  const { row, key } = await app.make(ctx, { allowedAddresses: ['192.0.2.1'] })
  const process = await app.openAnother()
  assert.equal(await codeOf(process.authenticateKey(key, '192.0.2.2')), 'auth.key_wrong_address')
  await process[Symbol.asyncDispose]()
  assert.equal((await getKey(ctx, row.id)).lastUsedAt, null)
  await process.authenticateKey(key, '192.0.2.1')
  await process[Symbol.asyncDispose]()
  assert.equal((await getKey(ctx, row.id)).lastUsedIp, '192.0.2.1')
})

test('a key is shown again for 10 minutes, to its maker, while it counts', async () => {
  const owner = await app.newcomer()
  const { row, key } = await makeSealed(owner)
  assert.equal((await showKeyAgain(tools, owner, row.id)).key, key)
  const other = await addMember(app, owner, 'admin')
  assert.equal(await codeOf(showKeyAgain(tools, other, row.id)), 'key.shown_before')
  clock.advance(10 * 60 * 1000)
  assert.equal((await showKeyAgain(tools, owner, row.id)).key, key)
  clock.advance(1)
  assert.equal(await codeOf(showKeyAgain(tools, owner, row.id)), 'key.shown_before')
  const [revoked, plain] = [await makeSealed(owner), await app.make(owner)]
  await revokeKey(tools, owner, revoked.row.id)
  for (const { row } of [revoked, plain]) {
    assert.equal(await codeOf(showKeyAgain(tools, owner, row.id)), 'key.shown_before')
  }
})

test('the upkeep forgets what is not shown again, and deletes what ended 90 days ago', async () => {
  const ctx = await app.newcomer()
  const fiveYears = new Date(clock.now().getTime() + 5 * 365 * DAY_MS).toISOString()
  const kept = await app.make(ctx, { expiresAt: fiveYears })
  const [revoked, expiring] = [await makeSealed(ctx), await makeSealed(ctx)]
  await revokeKey(tools, ctx, revoked.row.id)
  await tidy()
  assert.ok((await getKey(ctx, expiring.row.id)).sealedKey)
  clock.advance(10 * 60 * 1000 + 1)
  await tidy()
  assert.equal((await getKey(ctx, expiring.row.id)).sealedKey, null)
  const { row: old } = await app.rotate(ctx, kept.row.id)
  clock.advance(90 * DAY_MS)
  await tidy()
  const left = (await listKeys(ctx, { limit: 100 })).rows.map(({ id }) => id)
  assert.deepEqual(left.sort(), [old.id, expiring.row.id, kept.row.id].sort())
  clock.advance(91 * DAY_MS)
  await tidy()
  assert.deepEqual(
    (await listKeys(ctx, { limit: 100 })).rows.map(({ id }) => id),
    [old.id],
  )
  await app.use((await app.rotate(ctx, old.id)).key)
})
