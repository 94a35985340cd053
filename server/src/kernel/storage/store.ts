import type { Readable } from 'node:stream'
import { RangeNotSatisfiable } from './errors.ts'

export interface ObjectInfo {
  key: string
  bytes: number
  contentType: string
  /** Lower-case hex; absent where the store could not know it (S3, objects of several parts or from a signed URL). */
  sha256?: string
  modifiedAt: Date
}

export interface ObjectContent {
  /** Read it or destroy it: until then a file or a connection stays open. */
  stream: Readable
  /** What the stream yields: the range when one was asked for. */
  bytes: number
  /** Position of the stream's first byte in the object. */
  start: number
  totalBytes: number
  contentType: string
  /** Of the whole object; see `ObjectInfo`. */
  sha256?: string
}

export interface ByteRange {
  start: number
  /** Of the last byte, included; the object's end when absent or behind it. */
  end?: number
}

/** What callers give to be stored. */
export type Body = Readable | Uint8Array

export interface PutOptions {
  contentType: string
  maxBytes: number
  signal?: AbortSignal
}

export interface Stored {
  bytes: number
  sha256: string
}

export interface ObjectPage {
  /** In the order of their keys' bytes. */
  objects: { key: string; bytes: number; modifiedAt: Date }[]
  /** Give it as `after` for what follows; absent on the last page. */
  next?: string
}

export type SignedUrlOptions =
  | {
      method: 'GET'
      expiresInSeconds: number
      /** The name under which a browser saves the file. */
      downloadName?: string
    }
  | {
      method: 'PUT'
      expiresInSeconds: number
      /** The upload must declare exactly this type. */
      contentType?: string
      /** The size that the uploader declared: local disk takes up to this, S3 (which has no "up to") takes exactly this. */
      maxBytes?: number
    }

/** Whole objects under keys (`checkKey`). A put is all or nothing, and replaces what was there. */
export interface ObjectStore extends AsyncDisposable {
  /**
   * Holds a bounded part of a stream in memory at a time.
   *
   * @throws ObjectTooLarge, ObjectStoreFull, InvalidObjectKey, or what the stream fails with.
   */
  put(key: string, body: Body, options: PutOptions): Promise<Stored>
  /** @throws ObjectNotFound, RangeNotSatisfiable. */
  get(key: string, options?: { range?: ByteRange; signal?: AbortSignal }): Promise<ObjectContent>
  /** Nothing when there is no such object. */
  head(key: string): Promise<ObjectInfo | undefined>
  /** Of no effect when there is no such object. */
  remove(key: string): Promise<void>
  /** Objects whose keys begin with `prefix` (any text, `''` for all) and come behind `after`; `limit` is 1 to 1,000. */
  list(prefix: string, options: { limit: number; after?: string }): Promise<ObjectPage>
  /** Lets its holder get or put this one object, without an account, for 1 to 604,800 seconds. Downloads are attachments. */
  signedUrl(key: string, options: SignedUrlOptions): Promise<string>
  /** For the health page: throws when objects cannot be stored now. */
  check(): Promise<void>
}

const MAX_LIST = 1_000
const MAX_EXPIRES_SECONDS = 604_800

export function checkExpiry(expiresInSeconds: number): void {
  if (Number.isInteger(expiresInSeconds) && expiresInSeconds >= 1) {
    if (expiresInSeconds <= MAX_EXPIRES_SECONDS) return
  }
  throw new RangeError(`a signed URL lives 1 to ${MAX_EXPIRES_SECONDS} seconds`)
}

export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIST) return
  throw new RangeError(`a page holds 1 to ${MAX_LIST} objects`)
}

/** Content types become headers and are stored; control characters and monsters are kept out. */
export function checkContentType(contentType: string): void {
  if (/^[\x20-\x7e]{1,255}$/.test(contentType)) return
  throw new TypeError('a content type is 1 to 255 printable ASCII characters')
}

export interface Slice {
  start: number
  bytes: number
}

/** The part of an object that a range means. */
export function sliceOf(totalBytes: number, range: ByteRange | undefined): Slice {
  if (!range) return { start: 0, bytes: totalBytes }
  const { start, end = totalBytes - 1 } = range
  if (start < 0 || start >= totalBytes || end < start) throw new RangeNotSatisfiable()
  return { start, bytes: Math.min(end, totalBytes - 1) - start + 1 }
}
