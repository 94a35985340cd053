import type { Context } from '#kernel/context.ts'
import type { RequestFacts } from '#kernel/http/route.ts'
import { clientOf } from './client.ts'
import type { Tools } from './tools.ts'

/**
 * For public routes that take a credential: refuses by the headers alone, before a password or a token is read.
 *
 * @throws problem `auth.https_required`, `addresses.sign_in_blocked` or `auth.too_many_attempts`
 */
export function admitStrangers(tools: () => Tools) {
  return async (_ctx: Context, request: RequestFacts): Promise<void> => {
    clientOf(request)
    tools().refuseSignIn(request.ip)
    await tools().attempts.takeStranger('open_routes', request.ip)
  }
}
