import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { TunnelEndpoint } from './endpoint-schema.ts'
import type { TunnelParts } from './parts.ts'
import { presentEndpoint } from './present.ts'
import { endpointsOf, findReadable } from './read.ts'
import { states } from './states.ts'
import { presentSuspension, Suspension } from './suspension-schema.ts'

export const TunnelStatus = z
  .strictObject({
    id: z.string(),
    status: z.enum(states.names),
    statusSince: z.iso.datetime(),
    errorMessage: z.string().optional(),
    started: z.boolean(),
    suspension: Suspension.optional(),
    agents: z
      .array(
        z.strictObject({
          label: z.string(),
          runId: z.string(),
          epoch: z.int(),
          version: z.string(),
          host: z.string().optional(),
          ipAddress: z.string().optional(),
          heldSince: z.iso.datetime(),
          links: z.array(z.strictObject({ relayId: z.string(), openedAt: z.iso.datetime() })),
        }),
      )
      .meta({ description: 'Who holds it open, and over which relays' }),
    endpoints: z.array(TunnelEndpoint),
  })
  .meta({ id: 'TunnelStatus' })
export type TunnelStatus = z.output<typeof TunnelStatus>

/** Who holds a tunnel open now. @throws problem `tunnel.not_found` */
export async function showStatus(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
): Promise<TunnelStatus> {
  const { row } = await findReadable(ctx, parts, tunnelId)
  const endpoints = await endpointsOf(ctx, [tunnelId])
  const { id, status, started, statusSince, errorMessage } = row
  const suspension = presentSuspension(row)
  return {
    ...{ id, status, started, statusSince: statusSince.toISOString() },
    ...(errorMessage !== null && { errorMessage }),
    ...(suspension && { suspension }),
    agents: await agentsOf(ctx, tunnelId),
    endpoints: (endpoints.get(tunnelId) ?? []).map(presentEndpoint),
  }
}

async function agentsOf(ctx: Context, tunnelId: string): Promise<TunnelStatus['agents']> {
  const links = await ctx.db
    .selectFrom('tunnelLinks')
    .select(['runId', 'relayId', 'openedAt'])
    .where('tunnelId', '=', tunnelId)
    .orderBy('openedAt')
    .execute()
  const runs = await ctx.db
    .selectFrom('tunnelHolders')
    .innerJoin('tunnelAgentRuns', 'tunnelAgentRuns.id', 'tunnelHolders.runId')
    .select(['agent', 'runId', 'epoch', 'heldSince', 'version', 'host', 'ipAddress'])
    .where('tunnelId', '=', tunnelId)
    .where('endedAt', 'is', null)
    .orderBy('agent')
    .execute()
  return runs.map(({ agent, runId, epoch, heldSince, version, host, ipAddress }) => ({
    ...{ label: agent, runId, epoch, version, heldSince: heldSince.toISOString() },
    ...(host !== null && { host }),
    ...(ipAddress !== null && { ipAddress }),
    links: links
      .filter((link) => link.runId === runId)
      .map(({ relayId, openedAt }) => ({ relayId, openedAt: openedAt.toISOString() })),
  }))
}
