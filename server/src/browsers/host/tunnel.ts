import { Agent, type AgentOptions } from 'node:http'
import { type LookupFunction, type Socket, type TcpNetConnectOpts, connect } from 'node:net'
import { pipeline } from 'node:stream'

const CONNECT_DEADLINE_MS = 15_000
/** How long the far end may stay silent once the near end has said all that it will. */
const HALF_OPEN_MS = 30_000
// Never resolved: the lookup answers with addresses that were checked.
const PINNED = 'pinned.invalid'

/** Connects to an address that `lookup` gives. @throws Error of the socket, or `ETIMEDOUT` after 15 s. */
export async function dial({ port, lookup }: { port: number; lookup: LookupFunction }) {
  const socket = open({ host: PINNED, port, lookup })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** Dials with a deadline for plain HTTP. Keeps no connection: a kept one may be closing just as a form is sent on it. */
export class DialAgent extends Agent {
  constructor() {
    super({ keepAlive: false })
  }

  override createConnection(options: AgentOptions): Socket {
    return open(options as TcpNetConnectOpts)
  }
}

/** Tells the client that its tunnel is open, and passes bytes both ways until both ends are done or one breaks. */
export function splice(client: Socket, target: Socket, head: Buffer): void {
  if (client.destroyed) return void target.destroy()
  client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
  target.write(head)
  const limitSilence = () => target.setTimeout(HALF_OPEN_MS, () => target.destroy())
  if (client.readableEnded) limitSilence()
  else client.once('end', limitSilence)
  // A client that times out is destroyed by proxy-chain.
  target.once('end', () => client.setTimeout(HALF_OPEN_MS))
  pipeline(client, target, client, () => {
    target.destroy()
    client.destroySoon()
  })
}

function open(options: TcpNetConnectOpts): Socket {
  const socket = connect({ ...options, noDelay: true })
  const timer = setTimeout(
    () => socket.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' })),
    CONNECT_DEADLINE_MS,
  )
  socket.once('connect', () => clearTimeout(timer))
  socket.once('close', () => clearTimeout(timer))
  return socket
}
