import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { KEY_BYTES } from '../crypto/cipher.ts'
import { SealingKey } from '../crypto/sealing-key.ts'

/** The first key; its name tells no id. */
export const MASTER_KEY_FILE = 'master.key'
const LATER_KEY_FILE = /^kek-([0-9a-f]{16})\.key$/

/** A key in a file of its own, readable by its owner only. */
export interface KeyFile {
  name: string
  bytes: Buffer
  key: SealingKey
}

/** Every key in the directory. @throws Error that says what to do when others may read one, or it is not what its name says */
export async function readKeyFiles(directory: string): Promise<KeyFile[]> {
  const names = await readdir(directory)
  const ours = names.filter((name) => name === MASTER_KEY_FILE || LATER_KEY_FILE.test(name))
  const files = await Promise.all(ours.map((name) => readKeyFile(directory, name)))
  return files.filter((file) => file !== undefined)
}

/** `master.key`, made when it is missing: of several processes that do so at once, one makes it and all get the same. */
export async function ensureMasterKey(directory: string): Promise<KeyFile> {
  const kept = await readKeyFile(directory, MASTER_KEY_FILE)
  if (kept) return kept
  await writeKey(directory, MASTER_KEY_FILE, randomBytes(KEY_BYTES))
  return (await readKeyFile(directory, MASTER_KEY_FILE))!
}

/** A new key in `kek-<id>.key`. */
export async function makeKeyFile(directory: string): Promise<KeyFile> {
  const bytes = randomBytes(KEY_BYTES)
  const key = new SealingKey(bytes)
  const name = `kek-${key.id}.key`
  await writeKey(directory, name, bytes)
  return { name, bytes, key }
}

async function readKeyFile(directory: string, name: string): Promise<KeyFile | undefined> {
  const path = join(directory, name)
  const bytes = await readKey(path)
  if (!bytes) return undefined
  const key = new SealingKey(bytes)
  const named = LATER_KEY_FILE.exec(name)?.[1]
  if (named !== undefined && named !== key.id) {
    throw new Error(
      `The key ${path} is not the one of its name but ${key.id}: put back the right one.`,
    )
  }
  return { name, bytes, key }
}

async function readKey(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`The key ${path} cannot be read: ${error.message}`, { cause: error })
  })
  if (!file) return undefined
  try {
    const { mode } = await file.stat()
    if (mode & 0o077) {
      throw new Error(`The key ${path} is open to other users: run \`chmod 600 ${path}\`.`)
    }
    return await readWhole(file, path)
  } finally {
    await file.close()
  }
}

async function readWhole(file: FileHandle, path: string): Promise<Buffer> {
  // One byte more than a key has tells a longer file from a key.
  const { buffer, bytesRead } = await file.read(Buffer.alloc(KEY_BYTES + 1), 0)
  if (bytesRead !== KEY_BYTES) {
    throw new Error(
      `The key ${path} is not ${KEY_BYTES} bytes long: put back the file that belongs to this data.`,
    )
  }
  return buffer.subarray(0, KEY_BYTES)
}

/** A whole key under another name first, then `link`, which fails when the name is taken: nobody ever sees half a key. */
async function writeKey(directory: string, name: string, bytes: Buffer): Promise<void> {
  const path = join(directory, name)
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
    await link(draft, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await file.close()
    await unlink(draft)
  }
  await syncDirectory(directory)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
