// `npm run soak`: the long forms of what `npm test` holds a tenth of. Files and options of Node's runner may follow.
import { runMain } from './lib/failure.mjs'
import { runTests } from './lib/run-tests.mjs'

await runMain(() =>
  runTests({
    patterns: ['server/soak/*.soak.ts'],
    options: ['--test-concurrency=1', '--test-global-setup=./server/src/test/global-setup.ts'],
    args: process.argv.slice(2),
    deadlineMinutes: 6 * 60,
  }),
)
