import type { Context } from '#kernel/context.ts'
import type { NewEndpoint } from './endpoint-schema.ts'
import { problems } from './problems.ts'
import type { TunnelEndpointRow, TunnelRow } from './tables.ts'

/** @throws problem `tunnel.kind_mismatch` or `tunnel.endpoint_exists` */
export async function insertEndpoint(
  ctx: Context,
  tunnel: Pick<TunnelRow, 'id' | 'kind'>,
  { url, agent, priority, weight, healthCheck }: NewEndpoint,
): Promise<TunnelEndpointRow> {
  checkKind(tunnel, url)
  const now = ctx.clock.now()
  const row = await ctx.db
    .insertInto('tunnelEndpoints')
    .values({
      ...{ id: ctx.newId('tep'), tunnelId: tunnel.id, url, agent, priority, weight },
      healthCheck: healthCheck ? JSON.stringify(healthCheck) : null,
      ...{ healthStatus: 'unknown', healthMessage: null, lastHealthCheck: null },
      ...{ createdAt: now, updatedAt: now },
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw problems.endpointExists({ url, agent })
  return row
}

/** @throws problem `tunnel.kind_mismatch` */
export function checkKind({ kind }: Pick<TunnelRow, 'kind'>, url: string): void {
  if (url.startsWith('tcp:') !== (kind === 'tcp')) throw problems.kindMismatch({ kind, url })
}
