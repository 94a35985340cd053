import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from '../parts.ts'
import { bytesUsed } from '../usage/quota.ts'
import { checkAgent, checkLinks, checkStarted } from './agent-checks.ts'
import { readFacts } from './facts.ts'
import { checkAccess, checkReach } from './reach-checks.ts'
import { checkPort, checkRelays } from './relay-checks.ts'
import { CHECKS, type TunnelCheck, type TunnelDiagnostics } from './schema.ts'
import { checkEndpoints, checkLimits, checkQuota, checkRequests } from './traffic-checks.ts'

/** Looks at each hop of a tunnel; takes some seconds at most. @throws problem `tunnel.not_found` */
export async function diagnose(
  ctx: Context,
  parts: TunnelParts,
  id: string,
): Promise<TunnelDiagnostics> {
  const facts = await readFacts(ctx, parts, id)
  const now = ctx.clock.now()
  const checks: TunnelCheck[] = [
    ...[checkStarted(facts), checkAgent(facts), checkLinks(facts), checkRelays(facts)],
    checkPort(facts),
    ...(await checkReach(ctx, parts, facts)),
    ...[checkAccess(facts), checkQuota(facts, await bytesUsed(ctx.actingFor(facts.row.accountId)))],
    ...[checkLimits(facts, now), checkEndpoints(facts), checkRequests(facts)],
  ]
  checks.sort((one, other) => CHECKS.indexOf(one.name) - CHECKS.indexOf(other.name))
  return { tunnelId: id, at: now.toISOString(), ...verdict(checks), checks }
}

/** The first hop that fails is what is wrong: those behind it may only follow from it. */
function verdict(checks: readonly TunnelCheck[]): Pick<TunnelDiagnostics, 'status' | 'summary'> {
  for (const status of ['failed', 'warning'] as const) {
    const first = checks.find((check) => check.status === status)
    if (first) return { status, summary: first.detail }
  }
  return { status: 'ok', summary: 'Nothing is wrong with this tunnel.' }
}
