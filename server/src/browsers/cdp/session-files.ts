import { realpathSync } from 'node:fs'
import { isAbsolute, join, sep } from 'node:path'
import { Refused } from './refused.ts'
import type { SessionFiles } from './scope.ts'

/** What clients call the directory of uploads. */
const PUBLIC_UPLOADS = '/uploads/'

/**
 * The file of the session's uploads that a client means by `name.txt`, `/uploads/name.txt` or its true path. The path that comes
 * back leads over no link.
 *
 * @throws Refused for a file elsewhere, whether it exists or not
 */
export function uploadedFile(files: SessionFiles, path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw refusal()
  const root = resolved(files.uploads)
  if (!root) throw refusal()
  const wanted = [files.uploads, root].reduce(
    (rest, directory) =>
      rest.startsWith(directory + sep) ? rest.slice(directory.length + 1) : rest,
    path.startsWith(PUBLIC_UPLOADS) ? path.slice(PUBLIC_UPLOADS.length) : path,
  )
  if (isAbsolute(wanted) || wanted.split(sep).includes('..')) throw refusal()
  const found = resolved(join(root, wanted))
  if (!found?.startsWith(root + sep)) throw refusal()
  return found
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function refusal(): Refused {
  return new Refused(
    'The browser may only be given files of this session: upload the file, then name it as /uploads/<name>',
  )
}
