import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import {
  access,
  lstat,
  mkdir,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  statfs,
  unlink,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { ObjectNotFound, ObjectStoreFull } from './errors.ts'
import { discard } from './flow.ts'
import { checkKey, checkPrefix } from './keys.ts'
import {
  isInPlace,
  openObjectFile,
  readSlice,
  syncDirectory,
  writeObjectFile,
} from './local-file.ts'
import { folderName, pageOf, walkKeys } from './local-list.ts'
import { signUrl } from './signed-url.ts'
import {
  type Body,
  type ByteRange,
  checkContentType,
  checkLimit,
  type ObjectContent,
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  type PutOptions,
  type SignedUrlOptions,
  sliceOf,
  type Stored,
} from './store.ts'

export interface LocalStoreOptions {
  root: string
  publicUrl: () => string
  /** At least 32 bytes; the same in every process, or links made by one are refused by another. */
  signingKey: Buffer
  clock: Clock
}

/** A put that writes nothing for this long is taken for dead, since its process may have been killed. */
const TEMP_KEPT_MS = 3_600_000
const RENAME_ATTEMPTS = 10
const MIN_FREE_BYTES = 32 * 1024 * 1024
const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** Objects as files below `root`, which several processes may share. */
export async function openLocalStore(options: LocalStoreOptions): Promise<ObjectStore> {
  await mkdir(options.root, { recursive: true, mode: 0o700 })
  const root = await realpath(options.root)
  for (const name of ['objects', 'temp']) {
    await mkdir(join(root, name), { recursive: true, mode: 0o700 })
  }
  const store = new LocalStore({ ...options, root })
  await store.sweep()
  return store
}

class LocalStore implements ObjectStore {
  readonly #options: LocalStoreOptions
  readonly #objects: string
  readonly #temp: string
  readonly #sweeper: NodeJS.Timeout

  constructor(options: LocalStoreOptions) {
    this.#options = options
    this.#objects = join(options.root, 'objects')
    this.#temp = join(options.root, 'temp')
    this.#sweeper = setInterval(() => void this.sweep().catch(() => {}), TEMP_KEPT_MS).unref()
  }

  async put(key: string, body: Body, options: PutOptions): Promise<Stored> {
    const path = this.#pathOf(key)
    checkContentType(options.contentType)
    const temp = join(this.#temp, randomUUID())
    try {
      const stored = await writeObjectFile(temp, body, options)
      await this.#moveIn(temp, path)
      return stored
    } catch (error) {
      discard(body)
      await rm(temp, { force: true })
      if (FULL.has((error as { code?: string }).code ?? '')) throw new ObjectStoreFull(error)
      throw error
    }
  }

  async get(key: string, { range }: { range?: ByteRange } = {}): Promise<ObjectContent> {
    const { file, info } = await openObjectFile(this.#pathOf(key), key)
    try {
      const slice = sliceOf(info.bytes, range)
      const stream = await readSlice(file, slice)
      return { ...info, stream, ...slice, totalBytes: info.bytes }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    try {
      const { file, info } = await openObjectFile(this.#pathOf(key), key)
      await file.close()
      return info
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined
      throw error
    }
  }

  async remove(key: string): Promise<void> {
    const path = this.#pathOf(key)
    try {
      if (await isInPlace(path)) await unlink(path)
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return
      throw error
    }
    await this.#removeEmptyFolders(dirname(path))
  }

  async list(
    prefix: string,
    { limit, after = '' }: { limit: number; after?: string },
  ): Promise<ObjectPage> {
    checkLimit(limit)
    const segments = checkPrefix(prefix)
    const folder = join(this.#objects, ...segments.map(folderName))
    const path = segments.map((segment) => `${segment}/`).join('')
    const keys = walkKeys(folder, path, { prefix, after })
    return pageOf(keys, limit, (key) => this.#pathOf(key))
  }

  async signedUrl(key: string, options: SignedUrlOptions): Promise<string> {
    const { publicUrl, signingKey, clock } = this.#options
    return signUrl(signingKey, publicUrl(), key, options, clock.now())
  }

  async check(): Promise<void> {
    await access(this.#temp, constants.W_OK)
    const { bavail, bsize } = await statfs(this.#temp)
    if (bavail * bsize < MIN_FREE_BYTES) throw new ObjectStoreFull()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper)
  }

  /** Removes what puts of killed processes left. */
  async sweep(): Promise<void> {
    const oldest = this.#options.clock.now().getTime() - TEMP_KEPT_MS
    for (const name of await readdir(this.#temp)) {
      const path = join(this.#temp, name)
      const stats = await lstat(path).catch(() => undefined)
      if (stats && stats.mtimeMs < oldest) await rm(path, { force: true })
    }
  }

  #pathOf(key: string): string {
    const segments = checkKey(key)
    const folders = segments.slice(0, -1).map(folderName)
    return join(this.#objects, ...folders, segments.at(-1) ?? '')
  }

  /** A concurrent `remove` may take the folder away again before the file is in it. */
  async #moveIn(temp: string, path: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#makeFolder(dirname(path))
        await rename(temp, path)
        break
      } catch (error) {
        const vanished = (error as { code?: string }).code === 'ENOENT'
        if (!vanished || attempt === RENAME_ATTEMPTS) throw error
      }
    }
    await syncDirectory(dirname(path)).catch((error: { code?: string }) => {
      // Whoever removed the object meanwhile has undone what is to be made lasting.
      if (error.code !== 'ENOENT') throw error
    })
  }

  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#objects) return
    await this.#makeFolder(dirname(folder))
    const made = await mkdir(folder, { mode: 0o700 }).then(
      () => true,
      (error: { code?: string }) => {
        if (error.code === 'EEXIST') return false
        throw error
      },
    )
    if (made) await syncDirectory(dirname(folder))
    else if (!(await lstat(folder)).isDirectory()) throw new Error(`not a directory: ${folder}`)
  }

  async #removeEmptyFolders(from: string): Promise<void> {
    for (let folder = from; folder !== this.#objects; folder = dirname(folder)) {
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      )
      if (!removed) return
    }
  }
}
