import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib'
import type { KeptBody } from './capture.ts'
import type { Decision } from './decision.ts'
import type { Kept } from './inspector.ts'
import { type HeaderPair, redactBody, redactUrl } from './redaction.ts'

/** One request as its owner sees it. */
export interface SeenRequest extends Decision {
  /** Whether its headers and bodies were kept. */
  inspected: boolean
  /** Only of one request, when they were. */
  request?: SeenMessage
  response?: SeenMessage
}

export interface SeenMessage {
  headers: readonly HeaderPair[]
  body: SeenBody
}

export interface SeenBody {
  /** Of the whole body, as it passed. */
  length: number
  /** Whether `text` or `base64` is only its beginning. */
  cut: boolean
  /** Decompressed. */
  text?: string
  /** Of what is no text, as it passed. */
  base64?: string
}

const TEXT_TYPE =
  /^(?:text\/|application\/(?:[\w.+-]{0,100}\+)?(?:json|xml|javascript|ecmascript|x-www-form-urlencoded|x-ndjson|graphql|yaml|toml|sql)\b)/i
const FORM_TYPE = /^application\/x-www-form-urlencoded\b/i
/** What a few kept bytes may become. */
const MAX_DECOMPRESSED = 1024 * 1024

export function present({ decision, capture }: Kept, { whole = false } = {}): SeenRequest {
  const seen: SeenRequest = { ...decision, inspected: capture !== undefined }
  if (decision.path !== undefined) seen.path = redactUrl(decision.path)
  if (!capture || !whole) return seen
  const { requestHeaders, requestBody, responseHeaders, responseBody } = capture.captured
  seen.request = { headers: requestHeaders, body: presentBody(requestHeaders, requestBody) }
  seen.response = { headers: responseHeaders, body: presentBody(responseHeaders, responseBody) }
  return seen
}

function presentBody(headers: readonly HeaderPair[], { bytes, length }: KeptBody): SeenBody {
  const body = { length, cut: bytes.length < length }
  if (length === 0) return body
  const text = textOf(headers, bytes)
  return text === undefined ? { ...body, base64: bytes.toString('base64') } : { ...body, text }
}

/** Undefined when it is none. */
function textOf(headers: readonly HeaderPair[], bytes: Buffer): string | undefined {
  const type = valueOf(headers, 'content-type') ?? ''
  if (!TEXT_TYPE.test(type)) return undefined
  const plain = decompress(valueOf(headers, 'content-encoding')?.toLowerCase(), bytes)
  const text = plain && decodeText(plain)
  return text && redactBody(text, FORM_TYPE.test(type))
}

/** Also of a beginning. Undefined when it cannot be undone, or becomes too much. */
function decompress(coding: string | undefined, bytes: Buffer): Buffer | undefined {
  const limits = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_DECOMPRESSED }
  try {
    if (coding === undefined || coding === 'identity') return bytes
    if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(bytes, limits)
    if (coding === 'deflate') return inflateSync(bytes, limits)
    if (coding !== 'br') return undefined
    const finishFlush = constants.BROTLI_OPERATION_FLUSH
    return brotliDecompressSync(bytes, { ...limits, finishFlush })
  } catch {
    return undefined
  }
}

/** Undefined when it is no UTF-8. A letter that was cut in two at the end is left out. */
function decodeText(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}

function valueOf(headers: readonly HeaderPair[], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
}
