import assert from 'node:assert/strict'
import { test } from 'node:test'
import { levelOf } from '#kernel/problem.ts'
import { problems } from './problems.ts'

test('what a site or a page has caused alarms nobody; what this installation has caused does', () => {
  for (const { kind } of Object.values(problems)) {
    const wanted = QUIET.get(kind.code) ?? (kind.status >= 500 ? 'error' : undefined)
    assert.equal(levelOf(kind), wanted, kind.code)
  }
})

const QUIET = new Map([
  ['browser.navigation_failed', 'info'],
  ['browser.timeout', 'info'],
  ['session.paused', 'info'],
  ['session.server_stopping', 'info'],
  ['session.queue_timeout', 'warn'],
])
