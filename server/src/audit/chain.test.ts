import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { Db } from '#kernel/db.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { chainBatch, keepChain } from './chain.ts'
import { chainLagSeconds } from './lag.ts'
import { noted, openTestAudit } from './test-support.ts'

test('each event gets one link in the order of the log, and a chain that nobody touched verifies', async () => {
  await using audit = await openTestAudit()
  assert.equal(await chainLagSeconds(audit.kernel.ctx), 0)
  await audit.note(5)
  audit.clock.nextDay()
  assert.equal(await chainLagSeconds(audit.kernel.ctx), 24 * 60 * 60)
  await audit.chain()
  await audit.note(3)
  await eventually('three wait', async () => (await audit.verify()).unchained === 3)
  await audit.chain()
  const { from, to, rows, erased, unchained, bad } = await audit.verify()
  assert.deepEqual(
    { from, to, rows, erased, unchained, bad },
    {
      ...{ from: 1, to: 8, rows: 8, erased: 0, unchained: 0, bad: undefined },
    },
  )
  const part = await audit.verify({ from: 3, to: 6 })
  assert.deepEqual([part.rows, part.to, part.bad], [4, 6, undefined])
  await inOrder(audit.kernel.db)
})

test('an event of a transaction that is open longest is linked, and after those that began before it', async () => {
  await using audit = await openTestAudit()
  const { ctx } = audit.kernel
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const late = ctx.transaction(async (ctx) => {
    await ctx.events.emit(noted, { id: 'late', text: 'late' })
    begun.resolve()
    await end.promise
  })
  await begun.promise
  await audit.note(3)
  await chainBatch(ctx)
  assert.equal((await audit.verify()).rows, 0)
  end.resolve()
  await late
  await audit.chain()
  assert.equal((await audit.verify()).rows, 4)
  await inOrder(audit.kernel.db)
})

test('of workers that link at once, one does; killed with SIGKILL, they leave nothing out and nothing twice', async () => {
  await using audit = await openTestAudit()
  const killed = [0, 1, 2].map(async (round) => {
    const program = import.meta.resolve('./test-chainer.ts').slice('file://'.length)
    const child = spawn(process.execPath, [program, JSON.stringify(audit.address)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    let links = 0
    for await (const chunk of child.stdout) if ((links += chunk.length) > 3 + round) break
    child.kill('SIGKILL')
    await ended
  })
  await using own = keepChain(audit.kernel.ctx, audit.kernel.doorbell)
  const over = new AbortController()
  const allKilled = Promise.all(killed).finally(() => over.abort())
  while (!over.signal.aborted) await audit.note(20)
  await allKilled
  await own[Symbol.asyncDispose]()
  await audit.chain()
  const { bad, unchained, rows } = await audit.verify()
  assert.deepEqual([bad, unchained], [undefined, 0])
  assert.ok(rows > 40)
  await inOrder(audit.kernel.db)
})

test('the chain follows by itself, woken by what happens', async () => {
  await using audit = await openTestAudit()
  await using chaining = keepChain(audit.kernel.ctx, audit.kernel.doorbell)
  await audit.note(2)
  await eventually('both are linked', async () => (await audit.verify()).rows === 2)
  await chaining[Symbol.asyncDispose]()
})

test('two connections that link at once do not link twice', async () => {
  await using audit = await openTestAudit()
  await using other = await openTestKernel({ address: audit.address })
  await audit.note(30)
  const batches = [audit.kernel, other, audit.kernel, other].map(({ ctx }) => chainBatch(ctx))
  const made = await Promise.all(batches)
  const first = made.reduce((sum, links) => sum + links, 0)
  await audit.chain()
  assert.ok(first <= 30)
  assert.equal((await audit.verify()).rows, 30)
})

async function inOrder(db: Db): Promise<void> {
  const { rows } = await sql<{ place: number; linked: number }>`
    select row_number() over (order by events.epoch, events.xid, events.id)::float8 as place,
      sequence::float8 as linked
    from events left join audit_chain using (event_id) order by 1`.execute(db)
  for (const { place, linked } of rows) assert.equal(linked, place)
}
