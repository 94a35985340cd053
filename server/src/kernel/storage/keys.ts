import { InvalidObjectKey } from './errors.ts'

const SEGMENT = /^[A-Za-z0-9._-]{1,128}$/
const MAX_KEY_LENGTH = 512

/**
 * The segments of an object's key: at most 512 characters, parted by `/`, each 1 to 128 of `A-Z a-z 0-9 . _ -` and neither
 * `.` nor `..`. Keys are made by the server; a customer's file name is never one.
 */
export function checkKey(key: string): string[] {
  const segments = key.split('/')
  const good = segments.every((each) => SEGMENT.test(each) && each !== '.' && each !== '..')
  if (!good || key.length > MAX_KEY_LENGTH) throw new InvalidObjectKey(key)
  return segments
}

/** The whole segments before the last `/` of a prefix, which may end anywhere inside a segment. */
export function checkPrefix(prefix: string): string[] {
  const segments = prefix.split('/')
  const last = segments.pop() ?? ''
  if (!/^[A-Za-z0-9._-]{0,128}$/.test(last)) throw new InvalidObjectKey(prefix)
  return segments.length === 0 ? [] : checkKey(segments.join('/'))
}
