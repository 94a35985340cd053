import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new directory that the unprivileged users may pass through, as a data directory's parent must be for root. */
export async function makeDirectory(name: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`))
  await chmod(path, 0o711)
  return path
}
