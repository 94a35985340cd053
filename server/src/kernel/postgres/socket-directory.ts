import { chmod, lchown, lstat, mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import type { Home } from '../home.ts'
import type { SystemUser } from '../unprivileged.ts'

/** The number is only a part of the socket's name. */
export const PORT = 5432

/** `sun_path` holds 108 bytes, the last of them zero. */
const MAX_SOCKET_PATH_BYTES = 107
const SHORT = '/tmp'

/**
 * The directory of the server's socket, which nobody but the server's user (and root) may enter: in the data directory, or below
 * /tmp when that path is too long for a socket.
 *
 * @throws Error when somebody else has made that directory.
 */
export async function makeSocketDirectory(home: Home, user?: SystemUser): Promise<string> {
  const path = choosePath(home)
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  // Also when it existed: a kill may have fallen between the two calls.
  if ((await lstat(path)).uid === process.getuid?.()) {
    await chmod(path, 0o700)
    if (user) await lchown(path, user.uid, user.gid)
  }
  await demandPrivate(path, user?.uid ?? process.getuid?.())
  return path
}

/** Leaves nothing of ours below /tmp. */
export async function removeSocketDirectory(path: string): Promise<void> {
  if (path.startsWith(`${SHORT}/gantry-`)) await rmdir(path).catch(() => undefined)
}

function choosePath(home: Home): string {
  const inside = join(home.postgres, 'socket')
  const bytes = Buffer.byteLength(join(inside, `.s.PGSQL.${PORT}`))
  if (bytes <= MAX_SOCKET_PATH_BYTES) return inside
  return join(SHORT, `gantry-${createHash('sha256').update(home.path).digest('hex').slice(0, 16)}`)
}

async function demandPrivate(path: string, owner: number | undefined): Promise<void> {
  const found = await lstat(path)
  if (found.isDirectory() && found.uid === owner && (found.mode & 0o077) === 0) return
  throw new Error(
    `${path} is not a private directory of the database's user. Remove it, or set GANTRY_HOME to another directory.`,
  )
}
