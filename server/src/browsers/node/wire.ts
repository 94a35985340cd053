import { Problem, type ProblemKind } from '#kernel/problem.ts'
import { NodeFull, NotOnNode } from './session-node.ts'

/** How a call of one process to the node in another goes over the network: the paths, and what fails in JSON. */
export const paths = {
  /** Says that the node is there, to whoever asks. */
  pulse: '/pulse',
  session: (id: string) => `/sessions/${id}`,
  call: (id: string) => `/sessions/${id}/call`,
  feed: (id: string) => `/sessions/${id}/feed`,
  socket: (id: string) => `/sessions/${id}/socket`,
  download: (id: string, downloadId: string) => `/sessions/${id}/downloads/${downloadId}`,
}

/** After which event a feed tells. */
export const FROM_HEADER = 'x-gantry-feed-from'
/** Carries the grant of a socket, as base64url of JSON. */
export const GRANT_HEADER = 'x-gantry-grant'
/** How many bytes of an answer are JSON; behind them come the bytes of a file. */
const RESULT_HEADER = 'x-gantry-result'
/** What a file that is sent is called, as base64url of JSON. */
export const FILE_HEADER = 'x-gantry-file'
/** Of one answer, a stream excepted. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

/** The result of a call as it is sent: JSON, and behind it the bytes of an image or a document. */
export function writeResult(result: unknown): { headers: Record<string, string>; body: Buffer } {
  const { bytes, ...rest } = hasBytes(result) ? result : { bytes: undefined, result }
  const json = Buffer.from(JSON.stringify(rest))
  const headers = {
    'content-type': bytes ? 'application/octet-stream' : 'application/json',
    [RESULT_HEADER]: String(json.length),
  }
  return { headers, body: bytes ? Buffer.concat([json, bytes]) : json }
}

/** What was written there. @throws Error when it makes no sense */
export function readResult(headers: Record<string, unknown>, body: Buffer): unknown {
  const length = Number(headers[RESULT_HEADER])
  const rest = JSON.parse(body.subarray(0, length).toString()) as Record<string, unknown>
  if (headers['content-type'] === 'application/octet-stream') {
    return { ...rest, bytes: body.subarray(length) }
  }
  return rest.result
}

/** @throws Error when there is too much of it */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer of the node is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function hasBytes(result: unknown): result is { bytes: Buffer } {
  return Buffer.isBuffer((result as { bytes?: unknown } | undefined)?.bytes)
}

/** A failure as it is sent. */
interface WireFailure {
  failure: 'problem' | 'full' | 'absent' | 'unforeseen'
  message: string
  kind?: ProblemKind
  facts?: Record<string, unknown>
  retryAfterSeconds?: number
}

export function writeFailure(error: unknown): { status: number; body: WireFailure } {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof NotOnNode) return { status: 404, body: { failure: 'absent', message } }
  if (error instanceof NodeFull) {
    const { retryAfterSeconds } = error
    return { status: 503, body: { failure: 'full', message, retryAfterSeconds } }
  }
  if (!(error instanceof Problem)) return { status: 500, body: { failure: 'unforeseen', message } }
  const { cause: _, ...facts } = error.facts
  const { kind, status } = error
  return {
    status,
    body: { failure: 'problem', message, kind, facts: { ...facts, detail: message } },
  }
}

/** The error that was written there. */
export function readFailure(sessionId: string, body: unknown): Error {
  const { failure, message, kind, facts, retryAfterSeconds } = body as Partial<WireFailure>
  if (failure === 'absent') return new NotOnNode(sessionId)
  if (failure === 'full') return new NodeFull(message ?? 'the node is full', retryAfterSeconds ?? 5)
  if (failure === 'problem' && kind) return new Problem(kind, facts)
  return new Error(`the node failed: ${message ?? 'it does not say why'}`)
}

export function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value ?? null)).toString('base64url')
}

export function decodeJson(text: string): unknown {
  return JSON.parse(Buffer.from(text, 'base64url').toString())
}
