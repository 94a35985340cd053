/** How one try at an endpoint has failed. */
export type Failure =
  /** The agent has refused or not reached the service: nothing has come there. */
  | 'refused'
  /** It has not been given to any agent: no link, or a stream that the link did not take. */
  | 'unsent'
  /** The connection to the service has ended before the first byte of an answer. */
  | 'reset'
  /** The link has ended before the first byte of an answer. */
  | 'link_lost'
  /** No answer in time. */
  | 'timeout'
  /** The service has answered 502, 503 or 504. */
  | 'unavailable'

/** What of a request has been given away when a try fails. */
export interface Given {
  /** Whether a byte of its body has been read from the visitor: it cannot be given again. */
  body: boolean
  /** Whether the visitor has had a byte of the answer. */
  answer: boolean
}

/** RFC 9110, section 9.2.2: twice has the effect of once. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/**
 * Whether a request may be tried at another endpoint. Never an unsafe one of which a byte may have reached the service, never one
 * whose body has begun to be read, which `Expect: 100-continue` puts off until the service wants it. Who was slow is not asked
 * elsewhere: the visitor has waited, and the work may be going on. What the service itself has answered is its answer.
 */
export function mayRetry(method: string, given: Given, failure: Failure): boolean {
  if (given.body || given.answer) return false
  switch (failure) {
    case 'refused':
    case 'unsent':
      return true
    case 'reset':
    case 'link_lost':
      return IDEMPOTENT.has(method)
    case 'timeout':
    case 'unavailable':
      return false
  }
}
