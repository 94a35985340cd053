import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import type { Socket } from 'node:net'
import { dialService, ServiceSilent } from './dial-service.ts'
import { pour } from './pour.ts'
import { STREAM_HEADERS } from './link-protocol.ts'
import type { Address } from './address.ts'
import type { Reach } from './reach.ts'

const { NGHTTP2_CONNECT_ERROR, NGHTTP2_NO_ERROR } = constants
/** For a service to take the last bytes of a visitor who has gone in order. */
const FLUSH_MS = 30_000
const REASON_LENGTH = 200

export interface SpliceOptions {
  reach: Reach
  /** Takes any certificate of a local service. */
  insecure: boolean
  dialMs: number
  /** A service has taken no connection: where, and why. */
  onUnreached?(address: Address, why: string): void
}

/**
 * Serves one CONNECT stream: dials the service and passes bytes both ways, each at the pace of its reader. Either side may end its
 * half alone. What comes before the service is reached stays in the stream.
 */
export function serveConnect(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { reach, insecure, dialMs, onUnreached }: SpliceOptions,
): void {
  stream.on('error', () => {})
  const address = reach.find(headers[STREAM_HEADERS.tunnel], headers[':authority'])
  if (!address) {
    refuse(stream, 403, 'this agent was not told to serve that address')
    return
  }
  const secure = headers[STREAM_HEADERS.secure] === 'tls'
  const gone = new AbortController()
  const leave = () => gone.abort()
  stream.once('close', leave)
  dialService({ ...address, secure, insecure, deadlineMs: dialMs, signal: gone.signal }).then(
    (socket) => {
      stream.off('close', leave)
      splice(stream, socket)
    },
    (error: Error) => {
      refuse(stream, error instanceof ServiceSilent ? 504 : 502, error.message)
      if (!gone.signal.aborted) onUnreached?.(address, error.message)
    },
  )
}

function splice(stream: ServerHttp2Stream, socket: Socket): void {
  if (stream.destroyed) {
    socket.destroy()
    return
  }
  let serviceEnded = false
  socket.once('end', () => (serviceEnded = true))
  // What the service has said goes out whole, even if it hears nothing more.
  socket.once('error', () => stream.close(serviceEnded ? NGHTTP2_NO_ERROR : NGHTTP2_CONNECT_ERROR))
  socket.once('close', () => {
    if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
  })
  stream.once('close', () => {
    if (stream.rstCode === NGHTTP2_NO_ERROR && socket.writableEnded) flush(socket)
    else socket.destroy()
  })
  stream.respond({ ':status': 200 })
  pour(stream, socket)
  socket.pipe(stream)
}

/**
 * What the visitor has said goes out for as long as the service takes more of it. What the service says meanwhile is for nobody, however
 * long it goes on.
 */
function flush(socket: Socket): void {
  let left = Infinity
  const looking = setInterval(() => {
    const { writableLength } = socket
    if (writableLength === 0 || writableLength >= left) socket.destroy()
    left = writableLength
  }, FLUSH_MS)
  socket.once('close', () => clearInterval(looking))
  socket.resume()
}

function refuse(stream: ServerHttp2Stream, status: number, reason: string): void {
  if (stream.destroyed || stream.headersSent) return
  const text = reason.replace(/[^\x20-\x7e]/g, '?').slice(0, REASON_LENGTH)
  stream.respond({ ':status': status, 'gantry-reason': text }, { endStream: true })
  stream.close(NGHTTP2_NO_ERROR)
}
