import type { Problem } from '#kernel/problem.ts'
import { visitorProblems as problems } from '../gate/problems.ts'
import type { Caller } from './passage.ts'
import type { ServedTunnel } from './served-tunnel.ts'

/**
 * Why a browser session may not come now: its connection may be older than the end of what let it in. The access policy is not asked,
 * since the session was given the tunnel by somebody who has it.
 */
export function refusalOfSession(
  { spec, surroundings }: ServedTunnel,
  { grantId }: Caller,
): Problem | undefined {
  const nowMs = surroundings.clock.now().getTime()
  const { access, blocked } = spec
  if (blocked && blocked.untilMs > nowMs) {
    const retryAfterSeconds = Math.ceil((blocked.untilMs - nowMs) / 1000)
    return problems.quotaExceeded({ detail: blocked.detail, retryAfterSeconds })
  }
  if (grantId === undefined) return undefined
  const isGranted = access.grants.some(
    ({ id, expiresAtMs = Infinity }) => id === grantId && expiresAtMs > nowMs,
  )
  return isGranted ? undefined : problems.grantEnded()
}
