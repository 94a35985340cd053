import { constants } from 'node:fs'
import { type FileHandle, chown, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { SystemUser } from '#kernel/unprivileged.ts'

/** What one browser has on disk: all of it below `path`, so that removing `path` removes all of it. */
export interface SlotDirectory {
  path: string
  profile: string
  /** Open for reading and appending: nobody else is to choose what is read here as an error text. */
  stderr: FileHandle
}

const STDERR_FLAGS = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_APPEND

/** @throws Error `EEXIST` when the directory is there already; it is then left as it is. */
export async function makeSlotDirectory(path: string, user?: SystemUser): Promise<SlotDirectory> {
  await mkdir(path, { mode: 0o700 })
  const profile = join(path, 'profile')
  const { uploads, downloads } = sessionFiles(path)
  const owned = [profile, join(path, 'tmp'), uploads, downloads]
  const [stderr] = await Promise.all([
    open(join(path, 'stderr.log'), STDERR_FLAGS, 0o600),
    ...owned.map((one) => makeOwned(one, user)),
  ])
  if (user) await chown(path, user.uid, user.gid)
  return { path, profile, stderr }
}

/** Where a session's files lie in the directory of its slot. */
export function sessionFiles(path: string) {
  return { uploads: join(path, 'uploads'), downloads: join(path, 'downloads') }
}

async function makeOwned(path: string, user?: SystemUser): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  if (user) await chown(path, user.uid, user.gid)
}
