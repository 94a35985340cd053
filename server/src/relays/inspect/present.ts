import type { KeptBody } from './capture.ts'
import type { Decision } from './decision.ts'
import type { Kept } from './inspector.ts'
import { type Readable, readable } from './readable.ts'
import { type HeaderPair, redactUrl } from './redaction.ts'

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

export interface SeenBody extends Readable {
  /** Of the whole body, as it passed. */
  length: number
  /** Whether only its beginning was kept. */
  cut: boolean
}

export function present({ decision, capture }: Kept, { whole = false } = {}): SeenRequest {
  const seen: SeenRequest = { ...decision, inspected: capture !== undefined }
  if (decision.path !== undefined) seen.path = redactUrl(decision.path)
  if (!capture || !whole) return seen
  const { requestHeaders, requestBody, responseHeaders, responseBody } = capture.captured
  seen.request = { headers: requestHeaders, body: presentBody(requestHeaders, requestBody) }
  seen.response = { headers: responseHeaders, body: presentBody(responseHeaders, responseBody) }
  return seen
}

function presentBody(headers: readonly HeaderPair[], kept: KeptBody): SeenBody {
  const { bytes, length } = kept
  const body = { length, cut: bytes.length < length }
  return length === 0 ? body : { ...body, ...readable(headers, kept) }
}
