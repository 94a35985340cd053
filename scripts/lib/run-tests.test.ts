import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sortArguments } from './run-tests.mjs'

test('existing files and patterns are files, everything else is an option or its value', () => {
  const args = ['--test-name-pattern', 'stop', 'start.test.ts', 'lib/*.test.ts', '--test-only']
  assert.deepEqual(sortArguments(args, join(import.meta.dirname, '..')), {
    files: ['start.test.ts', 'lib/*.test.ts'],
    flags: ['--test-name-pattern', 'stop', '--test-only'],
  })
})

test('the report ends with what was skipped and why, and with the totals', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-report-'))
  after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'some.test.mjs')
  await writeFile(
    file,
    `import { test } from 'node:test'
     test('good', () => {})
     test('bad', () => { throw new Error('bad') })
     test('absent', (t) => t.skip('needs a moon'))`,
  )
  const reporter = `--test-reporter=${join(import.meta.dirname, 'test-reporter.mjs')}`
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--test', reporter, file], { env }, (_error, stdout) =>
      resolve(stdout),
    )
  })
  const end = output.slice(output.indexOf('SKIPPED')).replace(/ms [\d.]+/, 'ms 1')
  assert.deepEqual(end.trim().split('\n'), [
    'SKIPPED:',
    '  absent: needs a moon',
    '',
    ...['tests 3', 'suites 0', 'pass 1', 'fail 1', 'cancelled 0', 'skipped 1', 'todo 0'].map(
      (line) => `ℹ ${line}`,
    ),
    'ℹ duration_ms 1',
  ])
})
