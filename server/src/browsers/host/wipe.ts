import { lstat } from 'node:fs/promises'
import type { SystemUser } from '#kernel/unprivileged.ts'
import { countSockets, listeningSockets } from './listening.ts'
import { removeTree } from './remove-tree.ts'
import { type Marks, killProcesses } from './slot-processes.ts'

/** What is left of a browser, counted by the system's own lists; all zero when nothing is. */
export interface WipeReport {
  processes: number
  directories: number
  sockets: number
}

export interface WipeSpec extends Marks {
  /** Whom the directory belongs to, when that is not ourselves. */
  user?: SystemUser
  /** Where its DevTools and its proxy listened, as far as known. */
  ports: readonly number[]
  /** Closes what we ourselves hold open for it. */
  close: () => Promise<void>
}

const KILL_DEADLINE_MS = 10_000

/** Ends a browser, removes its directory, and counts what that did not reach. Harmless to run again. */
export async function wipe(spec: WipeSpec): Promise<WipeReport> {
  const sockets = await listeningSockets(spec.ports)
  const processes = await killProcesses(spec, KILL_DEADLINE_MS)
  // A directory that cannot be removed shows in the count.
  await Promise.all([spec.close(), removeTree(spec.directory, spec.user).catch(() => {})])
  return {
    processes,
    directories: (await exists(spec.directory)) ? 1 : 0,
    sockets: await countSockets(sockets),
  }
}

export function isClean({ processes, directories, sockets }: WipeReport): boolean {
  return processes + directories + sockets === 0
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
