import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

const LEAN = new URL('lean.mjs', import.meta.url).href
const SCRIPT = `
  const { beginLean } = await import('${LEAN}')
  beginLean()
  const { pid, execArgv, argv, env } = process
  console.log(JSON.stringify({ pid, execArgv, argv: argv.slice(1), arenas: env.MALLOC_ARENA_MAX, kept: env.KEPT }))
  process.disconnect?.()`
const NODE = ['--no-warnings', '--input-type=module', '--eval', SCRIPT]

async function begin(env: NodeJS.ProcessEnv = {}, channel: 'ipc' | 'ignore' = 'ignore') {
  const child = spawn(process.execPath, [...NODE, 'a', 'word'], {
    env: { KEPT: 'as it was', ...env },
    stdio: ['ignore', 'pipe', 'inherit', channel],
  })
  const ended = once(child, 'exit')
  const said = JSON.parse(await text(child.stdout!)) as Record<string, unknown>
  assert.deepEqual(await ended, [0, null])
  assert.equal(said.pid, child.pid)
  return said
}

test('the same process begins again once, with the limits and with all that it was given', async () => {
  const { execArgv, argv, arenas, kept } = await begin()
  assert.deepEqual(execArgv, [...NODE, '--max-semi-space-size=16', '--expose-gc'])
  assert.deepEqual(argv, ['a', 'word'])
  assert.deepEqual([arenas, kept], ['2', 'as it was'])
  assert.equal((await begin({ MALLOC_ARENA_MAX: '4' })).arenas, '4')
})

test('it goes on as it is where somebody has set the limit, or where a parent listens', async () => {
  const told = await begin({ NODE_OPTIONS: '--max-semi-space-size=64' })
  const toldAsV8 = await begin({ NODE_OPTIONS: '--max_semi_space_size=64' })
  const heard = await begin({}, 'ipc')
  for (const { execArgv, arenas } of [told, toldAsV8, heard]) {
    assert.deepEqual(execArgv, NODE)
    assert.equal(arenas, undefined)
  }
})
