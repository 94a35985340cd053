import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Check, CheckResult } from '#kernel/health.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { HealthBoard, overall } from './health.ts'

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address })
after(async () => {
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})
const { ctx } = kernel

function check(run: Check['run'], critical = true): Check {
  return { name: 'trial', what: 'A trial', critical, run }
}

test('many who ask at once share one look, and the next second another one is taken', async () => {
  let looks = 0
  const board = new HealthBoard([
    check(async () => {
      looks++
      return { status: 'ok' }
    }),
  ])
  const reports = await Promise.all(
    Array.from({ length: 50 }, async () => board.report(ctx, 'trial')),
  )
  assert.equal(looks, 1)
  assert.ok(reports.every((report) => report?.status === 'ok'))
  await eventually('a new look', async () => {
    await board.report(ctx, 'trial')
    return looks === 2
  })
})

test('a check that hangs fails after 2 s, is told to stop, and is not begun again meanwhile', async () => {
  const runs: AbortSignal[] = []
  const release = Promise.withResolvers<CheckResult>()
  const board = new HealthBoard([
    check(({ signal }) => {
      runs.push(signal)
      return release.promise
    }),
  ])
  const startedMs = performance.now()
  const first = board.report(ctx, 'trial')
  const report = await first
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs > 1_900 && tookMs < 20_000, `${tookMs} ms`)
  assert.equal(report?.status, 'failing')
  assert.match(report.detail!, /No answer/)
  await eventually('it is told', () => runs[0]!.aborted)

  const second = await eventually('another look', () => {
    const next = board.report(ctx, 'trial')
    return next !== first && { next }
  })
  assert.equal(runs.length, 1)
  release.resolve({ status: 'ok' })
  assert.equal((await second.next)?.status, 'ok')
})

test('what a check throws is not shown, since it may name hosts and users', async () => {
  const board = new HealthBoard([
    check(() => Promise.reject(new Error('connect to db-7.internal refused'))),
  ])
  const report = await board.report(ctx, 'trial')
  assert.equal(report?.status, 'failing')
  assert.ok(!JSON.stringify(report).includes('db-7'))
  assert.equal(await board.report(ctx, 'other'), undefined)
})

test('only a critical failure is a failure of the whole', () => {
  const report = (status: CheckResult['status'], critical: boolean) => {
    return { status, critical, what: '', durationMs: 1 }
  }
  const of = (...reports: ReturnType<typeof report>[]) =>
    overall(Object.fromEntries(Object.entries(reports)))
  assert.equal(of(report('ok', true), report('ok', false)), 'ok')
  assert.equal(of(report('ok', true), report('failing', false)), 'degraded')
  assert.equal(of(report('degraded', true)), 'degraded')
  assert.equal(of(report('failing', true), report('ok', false)), 'failing')
})
