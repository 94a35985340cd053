import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { request } from 'node:http'
import { connectTo, CONNECT_MS } from '#kernel/pinned.ts'
import type { Peer } from '../control.ts'
import { NO_LINK_STATUS, PEER_HEADERS, STREAM_PATH, STREAM_PROTOCOL } from './wire.ts'

/** The relay could not be reached, or has no link of the tunnel any more: another one may have. */
export class NoStream extends Error {
  constructor(why: string, cause?: unknown) {
    super(why, { cause })
    this.name = 'NoStream'
  }
}

/**
 * A connection to a tunnel by way of a relay that has a link of it, for whom the token names. Aborting `signal` closes it at any time.
 *
 * @throws NoStream, or Error when the relay refuses the token
 */
export async function openStream(
  { internalUrl, fingerprint }: Peer,
  token: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const connection = await connectTo(new URL(internalUrl), fingerprint).catch((error: unknown) => {
    throw new NoStream('the relay cannot be reached', error)
  })
  const cut = () => connection.destroy()
  signal.addEventListener('abort', cut, { once: true })
  connection.once('close', () => signal.removeEventListener('abort', cut))
  if (signal.aborted) cut()
  connection.setNoDelay(true)
  const asked = request({
    ...{ path: STREAM_PATH, createConnection: () => connection, timeout: CONNECT_MS },
    headers: { connection: 'Upgrade', upgrade: STREAM_PROTOCOL, [PEER_HEADERS.token]: token },
  })
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
  asked.once('timeout', () => asked.destroy(new Error('no answer in time')))
  asked.on('error', (error) => reject(new NoStream('the relay was lost', error)))
  asked.once('response', (answer) => {
    connection.destroy()
    reject(refusalIn(answer))
  })
  asked.once('upgrade', (_answer, socket, head) => {
    connection.setTimeout(0)
    socket.allowHalfOpen = true
    if (head.length > 0) socket.unshift(head)
    resolve(socket)
  })
  asked.end()
  return promise
}

function refusalIn({ statusCode }: IncomingMessage): Error {
  if (statusCode === NO_LINK_STATUS) return new NoStream('the relay has no link of the tunnel')
  return new Error(`the relay answered ${statusCode}`)
}
