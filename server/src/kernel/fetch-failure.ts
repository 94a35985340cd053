import { DestinationRefused } from './addresses.ts'

export type FailureReason = 'timeout' | 'too_large' | 'connection' | 'protocol'

/** Its message names no address, so that it can be shown to the customer. */
export class FetchFailed extends Error {
  readonly reason: FailureReason
  /** What the system or the TLS library called it: `ECONNREFUSED`, `CERT_HAS_EXPIRED` … */
  readonly code: string | undefined

  constructor(reason: FailureReason, code?: string) {
    super(FAILURES[reason])
    this.name = 'FetchFailed'
    this.reason = reason
    this.code = code
  }
}

const FAILURES = {
  timeout: 'the destination did not answer in time',
  too_large: 'the answer was larger than is accepted',
  connection: 'no connection to the destination could be made or kept',
  protocol: 'the request or its answer is not valid HTTP',
} as const

const TIMEOUTS = /^(UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT)$/
const PROTOCOL = /^UND_ERR_(INVALID|NOT_SUPPORTED|REQ_|RES_)/

/** What went wrong below, as one of our own errors. The original is dropped, since its message names the address. */
export function failureOf(error: unknown): unknown {
  if (error instanceof DestinationRefused || error instanceof FetchFailed) return error
  const { name, code = '' } = error as { name?: string; code?: string }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return new FetchFailed('too_large', code)
  if (TIMEOUTS.test(code)) return new FetchFailed('timeout', code)
  const protocol = name === 'HTTPParserError' || PROTOCOL.test(code)
  return new FetchFailed(protocol ? 'protocol' : 'connection', code || undefined)
}
