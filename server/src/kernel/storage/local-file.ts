import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { ObjectNotFound } from './errors.ts'
import { flowOf, openMeter } from './flow.ts'
import { type Body, type ObjectInfo, type PutOptions, type Slice, type Stored } from './store.ts'

/** A stored file is the object's bytes and then a footer of this size, so that both change in one rename. */
export const FOOTER_BYTES = 1024

interface Footer extends Stored {
  contentType: string
}

/** Writes a new file, on disk when this returns. The caller removes it when this throws. */
export async function writeObjectFile(
  path: string,
  body: Body,
  { contentType, maxBytes, signal }: PutOptions,
): Promise<Stored> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    const meter = openMeter(maxBytes)
    await file.writeFile(meter.count(flowOf(body, signal)))
    const stored = meter.read()
    await file.writeFile(seal({ ...stored, contentType }))
    await file.sync()
    return stored
  } finally {
    await file.close()
  }
}

/** An open object file. Symbolic links, also among its directories, count as absent. */
export async function openObjectFile(path: string, key: string) {
  const file = await openPlain(path).catch((error: { code?: string }) => {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code ?? '')) throw new ObjectNotFound(key)
    throw error
  })
  try {
    const { size, mtime } = await file.stat()
    const info: ObjectInfo = { key, ...(await readFooter(file, size, key)), modifiedAt: mtime }
    return { file, info }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Streams a part of an open object file, and closes it. */
export async function readSlice(file: FileHandle, { start, bytes }: Slice) {
  if (bytes > 0) return file.createReadStream({ start, end: start + bytes - 1 })
  await file.close()
  return Readable.from([])
}

/** Makes what a directory lists survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Whether no directory on the way is a symbolic link; the store's own root has been resolved before. */
export async function isInPlace(path: string): Promise<boolean> {
  const directory = dirname(path)
  return (await realpath(directory)) === directory
}

async function openPlain(path: string): Promise<FileHandle> {
  if (!(await isInPlace(path))) throw Object.assign(new Error('not in place'), { code: 'ELOOP' })
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
}

function seal(footer: Footer): Buffer {
  return Buffer.from(`${JSON.stringify(footer).padEnd(FOOTER_BYTES - 1)}\n`)
}

async function readFooter(file: FileHandle, size: number, key: string): Promise<Footer> {
  const at = size - FOOTER_BYTES
  const { buffer } = await file.read(Buffer.alloc(FOOTER_BYTES), 0, FOOTER_BYTES, Math.max(at, 0))
  try {
    const footer = JSON.parse(buffer.toString()) as Footer
    if (footer.bytes === at) return footer
  } catch {
    // Falls through to the one way in which a damaged file is reported.
  }
  throw new Error(`object is damaged: ${key}`)
}
