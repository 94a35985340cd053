import { Socket, connect } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { pinnedLookup } from '#kernel/addresses.ts'
import type { Address } from '#kernel/public-addresses.ts'

/** How long the far end may stay silent once the near end has said all that it will. */
const HALF_OPEN_MS = 30_000
const PROBE_SILENT_PEER_MS = 60_000
// Never resolved: the lookup answers with addresses that were checked.
const PINNED = 'pinned.invalid'

export interface Dialled {
  port: number
  addresses: readonly Address[]
  /** Closes the connection when it aborts, even once it is open. */
  signal: AbortSignal
}

/** Connects to addresses that were checked. @throws Error of the socket. */
export async function dial({ port, addresses, signal }: Dialled): Promise<Socket> {
  const socket = connect({
    ...{ host: PINNED, port, lookup: pinnedLookup(addresses), signal },
    ...{ noDelay: true, allowHalfOpen: true },
    ...{ keepAlive: true, keepAliveInitialDelay: PROBE_SILENT_PEER_MS },
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** Tells the client that its tunnel is open, and passes bytes both ways until both ends are done or one breaks. */
export function splice(client: Socket, target: Duplex, head: Buffer): Promise<void> {
  client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
  target.write(head)
  const limitSilence = () => limit(target)
  if (client.readableEnded) limitSilence()
  else client.once('end', limitSilence)
  // A client that times out is destroyed by proxy-chain.
  target.once('end', () => client.setTimeout(HALF_OPEN_MS))
  return new Promise((resolve) => {
    pipeline(client, target, client, () => {
      target.destroy()
      client.destroySoon()
      resolve()
    })
  })
}

/** What is no socket leads to a relay in this process, which has limits of its own. */
function limit(target: Duplex): void {
  if (target instanceof Socket) target.setTimeout(HALF_OPEN_MS, () => target.destroy())
}
