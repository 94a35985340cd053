import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Script, temporaryPath } from './test-support.ts'

const LINES = 20_000
const LINE_CHARACTERS = 4_000

test('a full disk loses lines: the process neither grows, nor fails, nor waits for it at its end', async () => {
  const directory = temporaryPath()
  mkdirSync(directory)
  for (const name of ['combined.log', 'error.log']) symlinkSync('/dev/full', join(directory, name))
  using script = new Script(
    { openLog: './log.ts', keptMib: './test-support.ts' },
    `const log = await openLog({
      levels: { default: 'info', byCategory: {} }, console: 'none', directory: '${directory}',
    })
    const before = keptMib()
    for (let line = 0; line < ${LINES}; line++) {
      log.root.error({ text: 'x'.repeat(${LINE_CHARACTERS}) }, 'a line')
      if (line % 100 === 0) await new Promise(setImmediate)
    }
    const grownMib = keptMib() - before
    await log[Symbol.asyncDispose]()
    console.log(grownMib < 40 ? 'level' : 'grown by ' + grownMib)`,
  )
  const [status] = await once(script.child, 'exit', { signal: AbortSignal.timeout(60_000) })
  assert.equal(status, 0)
  assert.equal(await script.output, 'level\n')
})
