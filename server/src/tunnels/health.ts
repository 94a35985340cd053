import type { Context } from '#kernel/context.ts'
import { endpointHealthy, endpointUnhealthy } from './events.ts'

export interface EndpointHealth {
  endpointId: string
  tunnelId: string
  status: 'healthy' | 'unhealthy'
  message?: string
  /** ISO 8601. */
  at: string
}

const MOST_CHARACTERS = 500

/**
 * Takes how agents found the services behind endpoints; what is older than what is known, or names an endpoint that is not there, is of
 * no effect. Announces `tunnel.endpoint_unhealthy` and `tunnel.endpoint_healthy` when it changes.
 */
export async function noteHealth(ctx: Context, reports: readonly EndpointHealth[]): Promise<void> {
  // In one order, so that two callers do not wait for each other.
  const inOrder = reports.toSorted((one, other) => (one.endpointId < other.endpointId ? -1 : 1))
  for (const report of inOrder) await ctx.transaction((ctx) => noteOne(ctx, report))
}

async function noteOne(ctx: Context, report: EndpointHealth): Promise<void> {
  const { endpointId, tunnelId, status, message } = report
  const at = new Date(Math.min(Date.parse(report.at), ctx.clock.now().getTime()))
  const before = await ctx.db
    .selectFrom('tunnelEndpoints')
    .innerJoin('tunnels', 'tunnels.id', 'tunnelEndpoints.tunnelId')
    .select(['tunnelEndpoints.healthStatus', 'tunnelEndpoints.url', 'lastHealthCheck'])
    .select(['tunnels.id', 'name', 'accountId'])
    .where('tunnelEndpoints.id', '=', endpointId)
    .where('tunnelId', '=', tunnelId)
    .where('deletedAt', 'is', null)
    .forUpdate('tunnelEndpoints')
    .executeTakeFirst()
  const isStale = before?.lastHealthCheck && before.lastHealthCheck > at
  if (!before || isStale || Number.isNaN(at.getTime())) return
  const healthMessage = status === 'healthy' ? null : plainText(message ?? '')
  await ctx.db
    .updateTable('tunnelEndpoints')
    .set({ healthStatus: status, healthMessage: healthMessage || null, lastHealthCheck: at })
    .where('id', '=', endpointId)
    .execute()
  if (before.healthStatus === status) return
  const { id, name, url } = before
  const facts = { id, name, endpointId, url }
  const acting = ctx.actingFor(before.accountId)
  if (status === 'unhealthy') {
    await acting.events.emit(endpointUnhealthy, {
      ...facts,
      ...(healthMessage && { message: healthMessage }),
    })
  } else if (before.healthStatus === 'unhealthy') await acting.events.emit(endpointHealthy, facts)
}

/** An agent may write anything. */
function plainText(message: string): string {
  return message.slice(0, MOST_CHARACTERS).toWellFormed().replaceAll('\0', '')
}
