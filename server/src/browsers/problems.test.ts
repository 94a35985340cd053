import assert from 'node:assert/strict'
import { test } from 'node:test'
import { categoryOf, levelOf } from '#kernel/problem.ts'
import { problems } from './problems.ts'

test('what a site or a page has caused alarms nobody; what this installation has caused does', () => {
  for (const { kind } of Object.values(problems)) {
    const wanted = QUIET.get(kind.code) ?? (kind.status >= 500 ? 'error' : undefined)
    assert.equal(levelOf(kind), wanted, kind.code)
  }
})

test('a site that cannot be opened is told as no failure of this server', () => {
  const { status } = problems.navigationFailed.kind
  assert.deepEqual(
    [status, categoryOf(problems.navigationFailed.kind)],
    [502, 'service_unavailable'],
  )
})

const QUIET = new Map([
  ['browser.navigation_failed', 'info'],
  ['browser.timeout', 'info'],
  ['session.paused', 'info'],
  ['session.server_stopping', 'info'],
  ['session.queue_timeout', 'warn'],
])
