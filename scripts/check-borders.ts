// Who may import whom, whose table is whose, and what product code may not reach for by itself.
import { checkGlobals } from './borders/globals.ts'
import { checkCycles, checkImports, checkNames } from './borders/imports.ts'
import { checkQueries } from './borders/queries.ts'
import { parseSource, type Violation } from './borders/source.ts'
import { checkTables } from './borders/tables.ts'
import { checkout } from './lib/checkout.mjs'
import { findFiles, readText } from './lib/files.ts'
import { reportViolations } from './lib/violations.ts'

/** Every violation in the checkout at `root`. */
export function checkBorders(root: string): Violation[] {
  const sources = findFiles(root, '{server,sdk,cli,console,scripts}/**/*.{ts,tsx,mjs}')
    .filter((path) => !path.endsWith('.d.ts'))
    .map((path) => parseSource(path, readText(root, path)))
  const migrations = findFiles(root, 'server/migrations/*.sql').map((path) => readText(root, path))
  return [
    ...checkImports(sources),
    ...checkCycles(sources),
    ...checkNames(sources),
    ...checkTables(sources, migrations.join('\n')),
    ...checkQueries(sources),
    ...checkGlobals(sources),
  ]
}

if (import.meta.main) reportViolations(checkBorders(checkout))
