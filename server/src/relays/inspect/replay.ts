import type { Kept } from './inspector.ts'
import { type HeaderPair, REDACTED } from './redaction.ts'

/** A request to be made anew. */
export interface ReplayedRequest {
  replayOf: string
  tunnelId: string
  method: string
  host: string
  path: string
  /** As raw headers: names and values in turn. */
  headers: string[]
  body: Buffer
}

export type Replayed = { requestId: string } | Refused

export interface Refused {
  refused: 'gone' | 'not_a_request' | 'not_kept' | 'body_cut' | 'redacted'
  /** For a person: why, and what to do. */
  detail: string
}

/** Made anew for each connection, or said by the length of the body that is sent. */
const OF_ITS_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'content-length', 'expect', 'host', 'forwarded', 'via'],
])
/** What is set for each visitor. */
const OF_ITS_VISITOR = /^(?:x-forwarded-|gantry-)/i

export function replayable(
  kept: Kept | undefined,
  { withoutSecrets = false }: { withoutSecrets?: boolean },
): ReplayedRequest | Refused {
  if (!kept) return refused('gone', 'It is not among the last requests any more.')
  const { decision, capture } = kept
  if (decision.kind !== 'request') {
    return refused('not_a_request', 'A WebSocket or a TCP connection cannot be made again.')
  }
  if (!capture) {
    return refused('not_kept', 'The inspector was off when it came. Turn it on, and send it again.')
  }
  const { requestHeaders, requestBody, requestEnded } = capture.captured
  if (!requestEnded) return refused('body_cut', 'Its body was never sent to its end.')
  if (requestBody.bytes.length < requestBody.length) {
    const { length } = requestBody
    return refused(
      'body_cut',
      `Its body has ${length} bytes, of which ${requestBody.bytes.length} were kept. Raise inspector.bodyBytes.`,
    )
  }
  const secret = requestHeaders
    .filter(([, value]) => value.includes(REDACTED))
    .map(([name]) => name)
  if (secret.length > 0 && !withoutSecrets) {
    return refused(
      'redacted',
      `Secrets are not kept: ${secret.join(', ')}. It can be made without them.`,
    )
  }
  return {
    ...{ replayOf: decision.id, tunnelId: decision.tunnelId, body: requestBody.bytes },
    ...{ method: decision.method!, host: decision.host!, path: decision.path! },
    headers: requestHeaders.filter(isRepeated).flat(),
  }
}

function isRepeated([name, value]: HeaderPair): boolean {
  if (OF_ITS_CONNECTION.has(name.toLowerCase()) || OF_ITS_VISITOR.test(name)) return false
  return !value.includes(REDACTED)
}

function refused(why: Refused['refused'], detail: string): Refused {
  return { refused: why, detail }
}
