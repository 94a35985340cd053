import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FOOTER_BYTES } from './local-file.ts'
import type { ObjectPage } from './store.ts'

/**
 * How a key's folders are called on disk. The mark keeps `a` and `a/b` apart, which as plain names could not both exist, and is no
 * character of a key.
 */
export function folderName(segment: string): string {
  return `${segment}+`
}

interface Walk {
  prefix: string
  after: string
}

/** Keys below one folder that match, in the order of their bytes; whole folders that cannot match are not opened. */
export async function* walkKeys(folder: string, path: string, walk: Walk): AsyncGenerator<string> {
  for (const name of await namesIn(folder)) {
    const key = `${path}${name}`
    if (name.endsWith('/')) {
      const mayMatch = key.startsWith(walk.prefix) || walk.prefix.startsWith(key)
      const isPast = key < walk.after && !walk.after.startsWith(key)
      if (mayMatch && !isPast)
        yield* walkKeys(join(folder, folderName(name.slice(0, -1))), key, walk)
    } else if (key.startsWith(walk.prefix) && key > walk.after) {
      yield key
    }
  }
}

/** The first `limit` of these keys with size and time; an object that vanishes meanwhile is left out. */
export async function pageOf(
  keys: AsyncIterable<string>,
  limit: number,
  pathOf: (key: string) => string,
): Promise<ObjectPage> {
  const objects: ObjectPage['objects'] = []
  for await (const key of keys) {
    if (objects.length === limit) return { objects, next: objects.at(-1)?.key ?? key }
    const stats = await lstat(pathOf(key)).catch(() => undefined)
    if (stats) objects.push({ key, bytes: stats.size - FOOTER_BYTES, modifiedAt: stats.mtime })
  }
  return { objects }
}

/** Names of objects and, with a final `/`, of folders. Sorted with it, they are in the order of the keys. */
async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(
    (error: { code?: string }) => {
      if (error.code === 'ENOENT') return []
      throw error
    },
  )
  return entries.flatMap(nameOf).sort()
}

function nameOf(entry: Dirent): string[] {
  if (entry.isFile()) return [entry.name]
  return entry.isDirectory() && entry.name.endsWith('+') ? [`${entry.name.slice(0, -1)}/`] : []
}
