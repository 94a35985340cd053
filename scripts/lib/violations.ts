import type { Violation } from '../borders/source.ts'

/** Prints what was found, for a person or an editor to jump to; the process then ends with status 1. */
export function reportViolations(violations: readonly Violation[]): void {
  for (const { path, line, message } of violations) console.log(`${path}:${line}  ${message}`)
  if (violations.length > 0) process.exitCode = 1
}
