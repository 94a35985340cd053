import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import type { buildConnector } from 'undici'
import { undici } from './undici.ts'

export const CONNECT_MS = 5_000
/** A connection that is quiet for so long is probed each second, and is broken after ten probes without an answer. */
export const PROBE_AFTER_MS = 10_000

/** The far side is not whom it was taken for. */
class OtherCertificate extends Error {
  constructor() {
    super('the far side has another certificate than the one that it has registered')
    this.name = 'OtherCertificate'
  }
}

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Whether a connection that was to be opened has not been, so that the far side has heard nothing. */
export function neverConnected(error: unknown): boolean {
  const { code, name } = error as { code?: string; name?: string }
  return name === 'OtherCertificate' || (code !== undefined && NEVER_CONNECTED.has(code))
}

/** Trusts one certificate, whoever has signed it, and says nothing to any other. */
export function connectorTo(fingerprint: string): buildConnector.connector {
  // A session that is taken up again shows no certificate.
  const own = {
    ...{ maxCachedSessions: 0, rejectUnauthorized: false, timeout: CONNECT_MS },
    keepAliveInitialDelay: PROBE_AFTER_MS,
  }
  const connect = undici().buildConnector(own)
  return (options, done) =>
    connect(options, (error, socket) => {
      if (error) return done(error, null)
      if ('getPeerCertificate' in socket && isPeer(socket, fingerprint)) return done(null, socket)
      socket.destroy()
      done(new OtherCertificate(), null)
    })
}

/** A connection of one's own. @throws Error when there is none within 5 s, or with another certificate */
export async function connectTo({ hostname, port }: URL, fingerprint: string): Promise<TLSSocket> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false })
  socket.on('error', () => socket.destroy())
  socket.setKeepAlive(true, PROBE_AFTER_MS)
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(CONNECT_MS) })
    if (!isPeer(socket, fingerprint)) throw new OtherCertificate()
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function isPeer(socket: TLSSocket, fingerprint: string): boolean {
  return socket.getPeerCertificate().fingerprint256 === fingerprint
}
