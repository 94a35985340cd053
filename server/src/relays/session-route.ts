import { findTunnel } from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import type { Peer } from './control.ts'
import type { RelaysParts } from './parts.ts'
import { AUDIENCES, type StreamSubject, streamSubject } from './peers/wire.ts'
import { peersOf } from './relays.ts'

/** A relay, and what it is shown for 60 s by whoever opens a connection of one session to one tunnel there. */
export interface SessionRoute extends Peer {
  token: string
}

/**
 * The way to a tunnel for a browser session that may use it, by a relay that can be reached from other machines; undefined while none
 * has a link.
 */
export async function sessionRoute(
  ctx: Context,
  parts: Pick<RelaysParts, 'tunnels' | 'serviceToken'>,
  wanted: StreamSubject,
): Promise<SessionRoute | undefined> {
  const found = await findTunnel(ctx, parts.tunnels, { tunnelId: wanted.tunnelId })
  const linked = await peersOf(ctx, found?.links.map(({ relayId }) => relayId) ?? [])
  // Sessions of one tunnel spread over its relays, and each keeps to one.
  const peer = linked[turnOf(wanted.sessionId, linked.length)]
  if (!peer) return undefined
  return { ...peer, token: await parts.serviceToken(AUDIENCES.stream, streamSubject(wanted)) }
}

function turnOf(sessionId: string, count: number): number {
  const sum = [...sessionId].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)
  return count > 0 ? sum % count : 0
}
