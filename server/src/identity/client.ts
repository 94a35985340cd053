import type { RequestFacts } from '#kernel/http/route.ts'
import { problems } from './problems.ts'

/** Who is at the other end, as far as the connection tells. */
export interface Client {
  ipAddress?: string
  userAgent?: string
}

const MAX_USER_AGENT = 512
/** What a header may hold, but no line of a mail or a log. */
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/**
 * The client of a request that carries a password or a token.
 *
 * @throws problem `auth.https_required` when others on the way could have read it
 */
export function clientOf(request: RequestFacts): Client {
  if (!request.secure && !request.loopbackOnly) throw problems.httpsRequired()
  const userAgent = request.userAgent?.slice(0, MAX_USER_AGENT).replaceAll(UNSEEN, ' ').trim()
  return { ipAddress: request.ip, ...(userAgent && { userAgent }) }
}
