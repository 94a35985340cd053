import { linkTo } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { Reply, type RequestFacts } from '#kernel/http/route.ts'
import { Problem } from '#kernel/problem.ts'
import type { Answered } from './answer.ts'
import { reasonsOf } from './failures.ts'
import type { Purpose } from './tables.ts'

/** Where the console goes on; nobody who begins a visit can name another place. */
const PLACES: Record<Purpose, string> = {
  sign_in: 'provider-sign-in',
  link: 'provider-link',
  step_up: 'provider-step-up',
}

/** Browsers that open an address go on; programs and scripts of pages are told. */
function isOpening(request: RequestFacts): boolean {
  return request.method === 'GET' && request.prefers('text/html')
}

export function begun(
  request: RequestFacts,
  visit: { authorizationUrl: string; expiresAt: string },
  cookie: string,
): Reply {
  const headers = { 'set-cookie': cookie }
  if (!isOpening(request)) return Reply.json(visit, { headers })
  return new Reply(undefined, {
    status: 302,
    headers: { ...headers, location: visit.authorizationUrl },
  })
}

/** The code stands behind `#`, so that the browser sends it to nobody. */
export function ended(ctx: Context, request: RequestFacts, answered: Answered): Answered | Reply {
  if (!isOpening(request)) return answered
  return Reply.redirect(linkTo(ctx, PLACES[answered.purpose], answered.code))
}

/** A refusal, too, leads a browser back to the console, which says what it means. */
export async function orBack<Result>(
  ctx: Context,
  request: RequestFacts,
  work: () => Promise<Result>,
): Promise<Result | Reply> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem) || !isOpening(request)) throw error
    const facts = { problem: error.code, reasons: reasonsOf(error.cause) }
    ctx.log.info(facts, 'sign-in by a provider refused')
    return Reply.redirect(linkTo(ctx, 'provider-refused', error.code))
  }
}
