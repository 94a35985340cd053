// `npm test`: every test that needs only npm. Files and options of Node's runner may follow: `npm test -- --test-name-pattern=stop`.
import { runMain } from './lib/failure.mjs'
import { concurrency, runTests } from './lib/run-tests.mjs'

await runMain(() =>
  runTests({
    patterns: [
      'server/src/**/*.test.ts',
      'sdk/**/*.test.ts',
      'cli/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    options: [
      concurrency,
      '--test-timeout=300000',
      '--test-global-setup=./server/src/test/global-setup.ts',
    ],
    args: process.argv.slice(2),
    deadlineMinutes: 46,
  }),
)
