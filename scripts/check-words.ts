// Work that is put off is not left in the files: it is done, or it is on the list of work.
import type { Violation } from './borders/source.ts'
import { checkout } from './lib/checkout.mjs'
import { findFiles, readText } from './lib/files.ts'
import { reportViolations } from './lib/violations.ts'

const PUT_OFF = new RegExp(String.raw`\b(TO${'DO'}|FIX${'ME'}|XX${'X'})\b`)

export function checkWords(root: string): Violation[] {
  return findFiles(root, '**/*.{ts,tsx,mjs,js,css,html,sql,md,yaml,yml}').flatMap((path) =>
    readText(root, path)
      .split('\n')
      .flatMap((text, index) => {
        const word = PUT_OFF.exec(text)?.[0]
        return word ? [{ path, line: index + 1, message: `says ${word}: do it now` }] : []
      }),
  )
}

if (import.meta.main) reportViolations(checkWords(checkout))
