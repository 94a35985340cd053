import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Home } from '../home.ts'
import { processTable, signalGroup } from '../processes.ts'
import type { SystemUser } from '../unprivileged.ts'

const PREFIX = 'new-'

/** A directory in which something is prepared and then renamed to its place, so that a kill leaves nothing half made. */
export async function makeDraft(home: Home, owner?: SystemUser): Promise<string> {
  const draft = await mkdtemp(join(home.postgres, PREFIX))
  if (owner) await chown(draft, owner.uid, owner.gid)
  return draft
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** Removes what an owner that was killed had under way, and ends the `initdb` that it left at work there. */
export async function sweepDrafts(home: Home): Promise<void> {
  const drafts = (await readdir(home.postgres)).filter((name) => name.startsWith(PREFIX))
  if (drafts.length === 0) return
  const prefix = join(home.postgres, PREFIX)
  for (const { pid, pgid, cmdline } of processTable()) {
    // It leads its own group, so a group that is not named after it is somebody else's.
    const isOurs =
      cmdline[0]?.endsWith('/initdb') && cmdline.some((word) => word.startsWith(prefix))
    if (isOurs && pid === pgid) signalGroup(pgid, 'SIGKILL')
  }
  for (const name of drafts) await removeDirectory(join(home.postgres, name))
}
