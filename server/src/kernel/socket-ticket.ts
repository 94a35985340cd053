import type { IncomingHttpHeaders } from 'node:http'
import { httpProblems } from './http/problems.ts'

/** What a program says in headers of who it is, and what no web page can when it opens a WebSocket. */
export interface ShownCredential {
  /** As an Authorization header has it. */
  readonly authorization: string
  /** As `Gantry-Account` has it; one's own unless given. */
  readonly account?: string | undefined
}

/** Of a name in `Sec-WebSocket-Protocol` that is a ticket in truth. */
const PREFIX = 'gantry.ticket.'

/** What a client offers in `Sec-WebSocket-Protocol`, in its order. */
export function offeredProtocols(headers: IncomingHttpHeaders): string[] {
  const names = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
  return names.filter((name) => name !== '')
}

/**
 * Replaces a ticket among the offered protocols by the headers that it stands for. It goes no further, unless it was offered alone:
 * a browser wants one of its own names in the answer, and then there is no other. By then it is used up.
 *
 * @throws Problem for a ticket that does not count, for two of them, and for one beside an Authorization header
 */
export async function exchangeTicket(
  headers: IncomingHttpHeaders,
  redeem: (ticket: string) => Promise<ShownCredential>,
): Promise<void> {
  const offered = offeredProtocols(headers)
  const [ticket, ...more] = offered.filter((name) => name.startsWith(PREFIX))
  if (ticket === undefined) return
  if (more.length > 0 || headers.authorization !== undefined) {
    throw httpProblems.malformed({ detail: 'Give one ticket, or an Authorization header.' })
  }
  const { authorization, account } = await redeem(ticket.slice(PREFIX.length))
  headers.authorization = authorization
  delete headers['gantry-account']
  if (account !== undefined) headers['gantry-account'] = account
  const others = offered.filter((name) => name !== ticket)
  headers['sec-websocket-protocol'] = others.length > 0 ? others.join(', ') : ticket
}
