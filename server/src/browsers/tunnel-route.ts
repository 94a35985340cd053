import { mayUse } from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'

/** A relay that has a link of the tunnel, and what it is shown by whoever opens a connection there. */
export interface TunnelRoute {
  relayId: string
  internalUrl: string
  fingerprint: string
  /** For 60 s, for this session and this tunnel. */
  token: string
}

export interface WantedRoute {
  sessionId: string
  tunnelId: string
  /** The share that lets the session in; absent when the tunnel is its account's own. */
  grantId?: string
}

/** Undefined while nobody holds the tunnel open. */
export type RouteOf<Route = TunnelRoute> = (
  ctx: Context,
  wanted: WantedRoute,
) => Promise<Route | undefined>

/** How long one answer may be used: so long a revocation may go unnoticed by new connections. */
export const ROUTE_SECONDS = 4

/**
 * The way to a tunnel of a session that runs on this machine.
 *
 * @throws problem `session.tunnel_unknown` for one that the session was not given, or may not use any more, and `session.tunnel_offline`
 */
export async function tunnelRoute<Route>(
  ctx: Context,
  routeOf: RouteOf<Route>,
  { instanceId, sessionId, name }: { instanceId: string; sessionId: string; name: string },
): Promise<Route> {
  const session = await ctx.db
    .selectFrom('browserSessions')
    .select(['accountId', 'userId', 'tunnels'])
    .where('id', '=', sessionId)
    .where('instanceId', '=', instanceId)
    .where('endedAt', 'is', null)
    .executeTakeFirst()
  const given = session?.tunnels?.find((tunnel) => tunnel.name === name)
  const tunnel = given && (await mayUse(ctx, session!, given.id))
  if (!tunnel) throw problems.tunnelUnknown({ name })
  const { id: tunnelId, grantId } = tunnel
  const route = await routeOf(ctx, { sessionId, tunnelId, ...(grantId && { grantId }) })
  if (!route) throw problems.tunnelOffline({ name, retryAfterSeconds: 5 })
  return route
}
