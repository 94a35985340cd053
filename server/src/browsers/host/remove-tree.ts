import { execFile } from 'node:child_process'
import { lstat, rm, rmdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { SystemUser } from '#kernel/unprivileged.ts'

const RM_DEADLINE_MS = 10_000

/**
 * Removes a directory and all below it. What belongs to the unprivileged user is removed with that user's rights: another
 * program of that user could otherwise swap a directory for a link and have root remove what it leads to.
 */
export async function removeTree(path: string, user?: SystemUser): Promise<void> {
  if (user && (await ownerOf(path)) === user.uid) {
    const { uid, gid } = user
    const options = { uid, gid, cwd: '/', env: {}, timeout: RM_DEADLINE_MS }
    // It ends with an error, since the directory itself lies in one of ours.
    await promisify(execFile)('/bin/rm', ['-rf', '--', path], options).catch(() => {})
    await rmdir(path)
  } else {
    await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 })
  }
}

async function ownerOf(path: string): Promise<number | undefined> {
  return lstat(path).then(
    ({ uid }) => uid,
    () => undefined,
  )
}
