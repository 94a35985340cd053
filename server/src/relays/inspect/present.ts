import type { KeptBody } from './capture.ts'
import type { Decision } from './decision.ts'
import type { Kept } from './inspector.ts'
import { type HeaderPair, redactUrl } from './redaction.ts'

/** One request as its owner sees it. */
export interface SeenRequest extends Decision {
  /** Only while the inspector is on, and only of one request. */
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
  text?: string
  base64?: string
}

const TEXT_TYPE =
  /^(?:text\/|application\/(?:[\w.+-]*\+)?(?:json|xml|javascript|ecmascript|x-www-form-urlencoded|x-ndjson|graphql|yaml|toml|sql)\b)/i

export function present({ decision, capture }: Kept, { whole = false } = {}): SeenRequest {
  const seen: SeenRequest = {
    ...decision,
    ...(decision.path !== undefined && { path: redactUrl(decision.path) }),
  }
  if (!capture || !whole) return seen
  const { requestHeaders, requestBody, responseHeaders, responseBody } = capture.kept
  seen.request = { headers: requestHeaders, body: presentBody(requestHeaders, requestBody) }
  seen.response = { headers: responseHeaders, body: presentBody(responseHeaders, responseBody) }
  return seen
}

function presentBody(headers: readonly HeaderPair[], { bytes, length }: KeptBody): SeenBody {
  const body = { length, cut: bytes.length < length }
  if (length === 0) return body
  const text = isText(headers) ? decodeText(bytes, body.cut) : undefined
  return text === undefined ? { ...body, base64: bytes.toString('base64') } : { ...body, text }
}

function isText(headers: readonly HeaderPair[]): boolean {
  const coding = valueOf(headers, 'content-encoding') ?? 'identity'
  return coding === 'identity' && TEXT_TYPE.test(valueOf(headers, 'content-type') ?? '')
}

/** Undefined when it is no UTF-8. A letter that was cut in two at the end is left out. */
function decodeText(bytes: Buffer, cut: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut })
  } catch {
    return undefined
  }
}

export function valueOf(headers: readonly HeaderPair[], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
}
