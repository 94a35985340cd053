import { ownHostCookie } from './cookies.ts'
import type { HeaderEdits } from './edits.ts'
import { endsHere, namedByConnection } from './hop-by-hop.ts'

/** What a relay knows of an answer when it passes it on. */
export interface AnsweredVisit {
  /** Lower case: `localhost`, `tunnels.example.com`. */
  tunnelDomain: string
  /** It is the 101 that a WebSocket begins with. */
  webSocket: boolean
  edits: HeaderEdits | undefined
}

/**
 * The headers of a service's answer as the visitor gets them, names and values in turn: nothing that ends at this hop, no cookie for
 * the domain of all tunnels, and not the header by which programs know answers of the relay's own.
 */
export function answeredHeaders(raw: readonly string[], visit: AnsweredVisit): string[] {
  const { edits, tunnelDomain } = visit
  const named = namedByConnection(raw)
  const out: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase()
    if (endsHere(name, named) || name.startsWith('gantry-tunnel') || edits?.drop.has(name)) continue
    if (name !== 'set-cookie') {
      out.push(raw[index]!, raw[index + 1]!)
      continue
    }
    const cookie = ownHostCookie(raw[index + 1]!, tunnelDomain)
    if (cookie !== undefined) out.push(raw[index]!, cookie)
  }
  if (visit.webSocket) out.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
  if (edits) out.push(...edits.add)
  return out
}
