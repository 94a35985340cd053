// `npm run test:peers`: tests against real peers that npm does not carry. What a machine lacks is skipped, and said at the end.
import { runMain } from './lib/failure.mjs'
import { runTests } from './lib/run-tests.mjs'

await runMain(() =>
  runTests({
    patterns: ['server/test-peers/*.test.ts'],
    options: ['--test-concurrency=1', '--test-timeout=600000'],
    args: process.argv.slice(2),
    deadlineMinutes: 20,
  }),
)
