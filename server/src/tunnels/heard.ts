import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from './parts.ts'

/** Between looks: a second together, since a relay may have died a moment ago. */
const WAITS_MS = [15, 20, 25, 30, 40, 50, 70, 100, 150, 200, 300]

/**
 * Waits until the relays that have links of a tunnel go by it as it is now, a second at most: whom a change lets in is then let in
 * once it is answered, and whom it shuts out is shut out. Not for use in a transaction, which relays do not see.
 */
export async function untilHeard(
  ctx: Context,
  parts: Pick<TunnelParts, 'haveHeard'>,
  tunnelId: string,
): Promise<void> {
  for (const waitMs of WAITS_MS) {
    if (await isHeard(ctx, parts, tunnelId)) return
    await sleep(waitMs, undefined, { signal: ctx.signal }).catch(() => {})
    if (ctx.signal.aborted) return
  }
  ctx.log.warn({ tunnel: tunnelId }, 'a relay has not heard of a change in time')
}

async function isHeard(
  ctx: Context,
  { haveHeard }: Pick<TunnelParts, 'haveHeard'>,
  tunnelId: string,
): Promise<boolean> {
  const rows = await ctx.db
    .selectFrom('tunnels')
    .innerJoin('tunnelLinks', 'tunnelLinks.tunnelId', 'tunnels.id')
    .select(['tunnels.revision', 'tunnelLinks.relayId'])
    .distinct()
    .where('tunnels.id', '=', tunnelId)
    .execute()
  const [first] = rows
  if (!first) return true
  const relayIds = rows.map(({ relayId }) => relayId)
  return haveHeard(ctx, relayIds, first.revision)
}
