import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { checkout, compileCache } from './checkout.mjs'
import { runAsGroup, statusOf } from './child.mjs'
import { ensureInstalled } from './install.mjs'
import { pinnedNode } from './pinned-node.mjs'

const REPORTER = '--test-reporter=./scripts/lib/test-reporter.mjs'

/**
 * Runs test files with Node's runner, under the pinned Node; resolves with the exit status.
 *
 * @param patterns the files to run when `args` name none
 * @param args what the caller wrote on the command line: files, and options of Node's runner
 * @param options more options of Node's runner; the caller's come after them
 */
export async function runTests({ patterns, args, options = [], deadlineMinutes }) {
  await ensureInstalled(checkout)
  const { files, flags } = sortArguments(args)
  const reporter = flags.some((flag) => flag.startsWith('--test-reporter')) ? [] : [REPORTER]
  const end = await runAsGroup(
    pinnedNode(checkout),
    ['--test', ...reporter, ...options, ...flags, ...(files.length > 0 ? files : patterns)],
    { cwd: checkout, env: environment(flags), deadlineMs: deadlineMinutes * 60_000 },
  )
  if (!end.late) return statusOf(end)
  console.error(`The tests were not done within ${deadlineMinutes} minutes and were stopped.`)
  return 1
}

/** Coverage is exact only for what is compiled anew. */
function environment(flags) {
  const isMeasured = flags.some((flag) => flag.includes('coverage'))
  return isMeasured ? process.env : { NODE_COMPILE_CACHE: compileCache, ...process.env }
}

/** Files that run at once: one for each core and never fewer than two, since most of a file's time is waiting. */
export const concurrency = `--test-concurrency=${Math.min(8, Math.max(2, availableParallelism()))}`

/** Tells the files among the arguments from the options, whose values may stand apart: `--test-name-pattern stop`. */
export function sortArguments(args, root = checkout) {
  const isFile = (arg) => !arg.startsWith('-') && (existsSync(join(root, arg)) || arg.includes('*'))
  return {
    files: args.filter((arg) => isFile(arg)),
    flags: args.filter((arg) => !isFile(arg)),
  }
}
