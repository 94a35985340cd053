import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { problems } from '../problems.ts'

export interface FileToKeep {
  name: string
  bytes: Buffer
}

export const MAX_UPLOAD_BYTES = 50 * 1024 * 1024
const MAX_SESSION_BYTES = 500 * 1024 * 1024

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW

/** The files that one session was given, in a directory that belongs to the user its browser runs as. */
export class UploadFolder {
  readonly #path: string
  #bytes = 0

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Writes files into a new folder, under their names, and returns their paths. The browser owns what is around that folder and might
   * put a link anywhere: so every step goes from a directory that is open already, and no link is followed.
   *
   * @throws problem `browser.uploads_full`, or `browser.uploads_unavailable`
   */
  async keep(files: readonly FileToKeep[], signal: AbortSignal): Promise<string[]> {
    const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0)
    if (this.#bytes + bytes > MAX_SESSION_BYTES) {
      throw problems.uploadsFull({ limit: MAX_SESSION_BYTES })
    }
    this.#bytes += bytes
    try {
      return await this.#write(files, signal)
    } catch (cause) {
      signal.throwIfAborted()
      throw problems.uploadsUnavailable({ cause })
    }
  }

  async #write(files: readonly FileToKeep[], signal: AbortSignal): Promise<string[]> {
    await using root = await open(this.#path, FOLDER)
    const owner = await root.stat()
    const name = randomBytes(6).toString('hex')
    await mkdir(within(root, name), { mode: 0o700 })
    await using folder = await open(within(root, name), FOLDER)
    await give(folder, owner)
    for (const file of files) {
      signal.throwIfAborted()
      await using target = await open(within(folder, file.name), NEW_FILE, 0o600)
      await target.writeFile(file.bytes, { signal })
      await give(target, owner)
    }
    return files.map((file) => join(this.#path, name, file.name))
  }
}

async function give(handle: FileHandle, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  if (uid !== process.getuid?.()) await handle.chown(uid, gid)
}

/** An entry of the very directory that was opened, wherever that has been moved since. */
function within({ fd }: FileHandle, name: string): string {
  return `/proc/self/fd/${fd}/${name}`
}
