import { once } from 'node:events'
import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'

export type LogFile = ReturnType<typeof pino.destination>

export interface LogFileOptions {
  /** Bytes; 20 MB unless given. */
  rotateAt?: number
  /** Bytes that are gathered for one write, and for how many milliseconds at most. */
  minLength?: number
  periodicFlush?: number
}

const ROTATE_AT_BYTES = 20 * 1024 * 1024
const KEPT_FILES = 10

/** What waits for a disk that is full. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024

/** A destination that loses lines which cannot be written, and neither fills the memory with them nor holds up the process. */
export function openDestination(options: Parameters<typeof pino.destination>[0] & object): LogFile {
  const file = pino.destination({ sync: false, maxLength: MOST_WAITING_BYTES, ...options })
  let failing = false
  file.on('error', () => (failing = true))
  file.on('write', () => (failing = false))
  const flushSync = file.flushSync.bind(file)
  // Its own tries for ever, and is also called as the process exits.
  file.flushSync = () => {
    if (!failing) flushSync()
  }
  return file
}

/**
 * Opens `name.log` for appending. When it has grown to 20 MB it becomes `name.1.log`, the one before `name.2.log`, and so on; ten of
 * them are kept. Processes may share it: whoever finds it full renames it, and the others follow when they have written as much.
 */
export async function openLogFile(
  directory: string,
  name: string,
  { rotateAt = ROTATE_AT_BYTES, ...buffering }: LogFileOptions = {},
): Promise<LogFile> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = (age: number) => join(directory, age === 0 ? `${name}.log` : `${name}.${age}.log`)
  const file = openDestination({ dest: path(0), mode: 0o600, ...buffering })
  await once(file, 'ready')
  let bytes = sizeOf(path(0))
  let turning = false
  file.on('write', (written: number) => {
    bytes += written
    if (bytes < rotateAt || turning) return
    turning = true
    file.once('drain', () => {
      if (sizeOf(path(0)) >= rotateAt) shift(path)
      file.reopen()
      bytes = sizeOf(path(0))
      turning = false
    })
  })
  return file
}

/** Another process on the same directory may be at it too: what it has moved already is moved. */
function shift(path: (age: number) => string): void {
  for (let age = KEPT_FILES; age > 0; age--) {
    try {
      if (sizeOf(path(age - 1)) > 0) renameSync(path(age - 1), path(age))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
