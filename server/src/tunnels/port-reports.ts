import type { Context } from '#kernel/context.ts'
import { lockTunnels, settle } from './status.ts'

/** How a relay fares with the port of a TCP tunnel that it has links of. */
export interface PortReport {
  tunnelId: string
  /** Why it cannot be opened, and what to do about it; absent once it is open. */
  error?: string | undefined
}

const MOST_CHARACTERS = 500

/**
 * Takes whether a relay has the ports open of tunnels that it has links of. A tunnel whose port no relay has is in error until one has
 * it; where another one has, as of two on one machine, it goes on. Announces `tunnel.error`, and `tunnel.connected` when it is back.
 */
export async function notePorts(
  ctx: Context,
  relayId: string,
  reports: readonly PortReport[],
): Promise<void> {
  // In one order, so that two callers do not wait for each other.
  const inOrder = reports.toSorted((one, other) => (one.tunnelId < other.tunnelId ? -1 : 1))
  for (const report of inOrder) await ctx.transaction((ctx) => noteOne(ctx, relayId, report))
}

async function noteOne(
  ctx: Context,
  relayId: string,
  { tunnelId, error }: PortReport,
): Promise<void> {
  const rows = await lockTunnels(ctx, [tunnelId])
  await ctx.db
    .updateTable('tunnelLinks')
    .set({ portError: error?.slice(0, MOST_CHARACTERS) ?? null })
    .where('tunnelId', '=', tunnelId)
    .where('relayId', '=', relayId)
    .execute()
  await settle(ctx, rows)
}
