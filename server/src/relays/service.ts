import * as tunnels from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import type { Found, HealthReport, NewLink, OpenedLink } from './control.ts'
import type { RelaysParts } from './parts.ts'
import { problems } from './problems.ts'
import { peersOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

type Asking = Pick<RelayRow, 'id' | 'epoch'>

const TICKET_AUDIENCE = 'relay'

/**
 * Takes a link of an agent into the books.
 *
 * @throws problem `relay.ticket_refused`, or one of `openLink` of tunnels
 */
export async function openLink(
  ctx: Context,
  parts: Pick<RelaysParts, 'subjectOf' | 'tunnels'>,
  relay: Asking,
  { ticket, ...link }: NewLink,
): Promise<OpenedLink> {
  const runId = await parts.subjectOf(ticket, TICKET_AUDIENCE)
  if (!runId) throw problems.ticketRefused()
  const of = { relayId: relay.id, relayEpoch: relay.epoch, runId }
  return tunnels.openLink(ctx, parts.tunnels, { ...link, ...of })
}

/** Of this relay; of no effect on those of others. */
export async function closeLink(ctx: Context, { id }: Asking, linkId: string): Promise<void> {
  await tunnels.closeLink(ctx, linkId, id)
}

/** Which tunnel has a hostname or a port, and which other relays have a link of it. */
export async function find(
  ctx: Context,
  parts: Pick<RelaysParts, 'tunnels'>,
  relay: Asking,
  wanted: { hostname: string } | { port: number } | { tunnelId: string },
): Promise<Found | undefined> {
  const found = await tunnels.findTunnel(ctx, parts.tunnels, wanted)
  if (!found) return undefined
  const { spec, url, links } = found
  const others = links.map(({ relayId }) => relayId).filter((id) => id !== relay.id)
  return { spec, url, relays: await peersOf(ctx, others) }
}

export async function reportHealth(ctx: Context, reports: readonly HealthReport[]): Promise<void> {
  await tunnels.noteHealth(ctx, reports)
}
