import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from '../lib/files.ts'

/** The paths whose files are missing or hold something else. */
export function staleFiles(root: string, wanted: Readonly<Record<string, string>>): string[] {
  return Object.entries(wanted)
    .filter(([path, text]) => !existsSync(join(root, path)) || readText(root, path) !== text)
    .map(([path]) => path)
}
