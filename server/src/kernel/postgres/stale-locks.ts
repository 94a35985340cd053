import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PORT } from './socket-directory.ts'

/**
 * Removes lock files that would hinder a start although no server is left, which the caller has made sure of. PostgreSQL takes any
 * process of its user with the old pid for a server: the zombie of the one that was killed, or, in a container that was started
 * again, a stranger. In every other case its own lock file stays, since PostgreSQL reads from it what to clean up.
 */
export async function removeStaleLocks(data: string, socketDirectory: string): Promise<void> {
  await rm(join(socketDirectory, `.s.PGSQL.${PORT}.lock`), { force: true })
  const path = join(data, 'postmaster.pid')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const pid = Number.parseInt(text, 10)
  if (pid > 0 && existsSync(`/proc/${pid}`)) await rm(path, { force: true })
}
