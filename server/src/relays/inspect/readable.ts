import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib'
import { sha256 } from '#kernel/crypto/digests.ts'
import type { KeptBody } from './capture.ts'
import { readMultipart } from './multipart.ts'
import { type BodyForm, type HeaderPair, redactBody } from './redaction.ts'

/** A body as its owner may read it: text without its secrets, or what the body is instead. */
export interface Readable {
  /** Decompressed. */
  text?: string
  /** Of what is no text: as it was declared, or `application/octet-stream`. */
  type?: string
  /** Of what is no text and was kept whole: of its bytes as they passed, in hex. */
  sha256?: string
}

/** What a few kept bytes may become. */
const MAX_DECOMPRESSED = 1024 * 1024
const UNKNOWN_TYPE = 'application/octet-stream'
const TYPE = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}$/
const FORMS: readonly [RegExp, BodyForm][] = [
  [/^application\/x-www-form-urlencoded$/, 'form'],
  [
    /^(?:application|text)\/(?:[\w.-]{1,80}\+)?(?:json|x-ndjson|json5|javascript|ecmascript|graphql)$/,
    'json',
  ],
  [/^(?:application|text|image)\/(?:[\w.-]{1,80}\+)?(?:xml|html)$/, 'markup'],
  [/^application\/(?:[\w.-]{1,80}\+)?(?:x-)?(?:yaml|toml|sql)$/, 'lines'],
  [/^text\/./, 'lines'],
]
/** What no text has, whatever it is said to be. */
// oxlint-disable-next-line no-control-regex
const BINARY = /[\0-\x08\x0e-\x1a\x1c-\x1f\ufffe\uffff]/
const CHARSET = /;\s{0,10}charset="?([\w.:-]{1,40})/i

export function readable(headers: readonly HeaderPair[], { bytes, length }: KeptBody): Readable {
  const declared = valueOf(headers, 'content-type') ?? ''
  const plain = decompress(valueOf(headers, 'content-encoding')?.toLowerCase(), bytes)
  const text = plain && textOf(declared, plain)
  if (text !== undefined) return { text }
  const isWhole = bytes.length === length
  return { type: typeOf(declared), ...(isWhole && { sha256: sha256(bytes).toString('hex') }) }
}

/** Undefined for what is no text. */
function textOf(declared: string, bytes: Buffer): string | undefined {
  const type = declared === '' ? '' : typeOf(declared)
  if (type.startsWith('multipart/')) return readMultipart(declared, bytes, partOf)
  const form = type === '' ? 'unknown' : FORMS.find(([pattern]) => pattern.test(type))?.[1]
  const text = form && decodeText(bytes, CHARSET.exec(declared)?.[1])
  return text === undefined || BINARY.test(text) ? undefined : redactBody(text, form!)
}

/** Of a part of several, which has no parts of its own here. */
function partOf(declared: string, bytes: Buffer): string {
  const type = declared === '' ? 'text/plain' : typeOf(declared)
  const text = type.startsWith('multipart/') ? undefined : textOf(declared || type, bytes)
  return text ?? `[${bytes.length} bytes of ${type}]`
}

function typeOf(declared: string): string {
  const type = declared.split(';', 1)[0]!.trim().toLowerCase()
  return TYPE.test(type) ? type : UNKNOWN_TYPE
}

/** Also of a beginning. Undefined when it cannot be undone, or becomes too much. */
function decompress(coding: string | undefined, bytes: Buffer): Buffer | undefined {
  const limits = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_DECOMPRESSED }
  try {
    switch (coding) {
      case undefined:
      case 'identity':
        return bytes
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(bytes, limits)
      case 'deflate':
        return inflateSync(bytes, limits)
      case 'br':
        return brotliDecompressSync(bytes, {
          ...limits,
          finishFlush: constants.BROTLI_OPERATION_FLUSH,
        })
      case 'zstd':
        return zstdDecompressSync(bytes, { ...limits, finishFlush: constants.ZSTD_e_flush })
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

/** Undefined when it is none of that charset. A letter that was cut in two at the end is left out. */
function decodeText(bytes: Buffer, charset = 'utf-8'): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}

function valueOf(headers: readonly HeaderPair[], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
}
