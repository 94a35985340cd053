import assert from 'node:assert/strict'
import { test } from 'node:test'
import { supervise } from './supervise.mjs'

test('after five restarts in five minutes a crash is final', async () => {
  let runs = 0
  const run = async () => ({ code: null, signal: runs++ % 2 ? 'SIGSEGV' : 'SIGABRT' })
  const said: string[] = []
  const say = (line: string) => said.push(line)
  assert.equal(await supervise(run, { firstDelayMs: 1, say }), 128 + 11)
  assert.equal(runs, 6)
  assert.equal(said[0], 'The server died of SIGABRT; starting it again in 0.001 s …')
  assert.equal(said[5], 'The server died of SIGSEGV again; 5 restarts in 5 minutes did not help.')
})

test('a failure that the server chose is no crash', async () => {
  assert.equal(await supervise(async () => ({ code: 1, signal: null })), 1)
  assert.equal(await supervise(async () => ({ code: null, signal: 'SIGTERM' })), 143)
})
