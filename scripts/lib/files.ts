import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const NOT_OURS = ['node_modules', '.git', '.gantry', 'out']

/** The repository's own files that match, as paths from its root, sorted. */
export function findFiles(root: string, pattern: string): string[] {
  return globSync(pattern, {
    cwd: root,
    exclude: (path) => NOT_OURS.includes(path.split('/').at(-1)!),
  })
    .filter((path) => !path.split('/').some((part) => NOT_OURS.includes(part)))
    .sort()
}

export function readText(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
