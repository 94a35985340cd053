import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { HostServer } from './host-server.ts'

/** Of one connection that carries nothing. */
const IDLE_MS = 65_000
const MAX_STREAMS = 100
/** One visitor's uploads together, and each of them: what a service does not take is held up to this. */
const SESSION_WINDOW = 1024 * 1024
const STREAM_WINDOW = 256 * 1024

/** HTTP/2 is spoken under the names of `hosts` only: all that is ours stays HTTP/1.1. */
export function alpnFor(hosts: HostServer) {
  return ({ servername, protocols }: { servername: string; protocols: string[] }) => {
    if (protocols.includes('h2') && hosts.knows(servername)) return 'h2'
    return protocols.includes('http/1.1') ? 'http/1.1' : undefined
  }
}

/** Lets a TLS server speak HTTP/2 where that was agreed; `hosts` gets its requests in the form of HTTP/1. */
export function speakHttp2(server: Server, hosts: HostServer): void {
  const sessions = new Set<ServerHttp2Session>()
  const inner = createServer(
    {
      settings: { maxConcurrentStreams: MAX_STREAMS, initialWindowSize: STREAM_WINDOW },
      // Services repeat headers that count once, such as `X-Content-Type-Options`; Node would throw at their whole answer.
      strictSingleValueFields: false,
    },
    (request, response) => {
      const [asked, answer] = [request, response] as unknown as [IncomingMessage, ServerResponse]
      void Promise.resolve(hosts.isFor(asked)).then((theirs) => {
        if (theirs) hosts.request(asked, answer)
        // The connection was made for another name.
        else response.writeHead(421).end()
      })
    },
  )
  inner.on('checkContinue', (request, response) => inner.emit('request', request, response))
  inner.on('session', (session) => keep(session, sessions))
  inner.on('sessionError', () => {})
  const [http1] = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  server.off('secureConnection', http1!)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol !== 'h2') return http1!.call(server, socket)
    inner.emit('connection', socket)
    // Of HTTP/1, that server would wait for the other half.
    socket.once('end', () => socket.destroy())
    socket.resume()
  })
  endWith(server, sessions)
}

function keep(session: ServerHttp2Session, sessions: Set<ServerHttp2Session>): void {
  let streams = 0
  sessions.add(session)
  session.setLocalWindowSize(SESSION_WINDOW)
  session.on('error', () => {})
  session.on('stream', (stream) => {
    streams++
    stream.once('close', () => streams--)
  })
  session.setTimeout(IDLE_MS, () => {
    if (streams === 0) session.close()
  })
  session.once('close', () => sessions.delete(session))
}

/** The server knows connections of HTTP/1 only. */
function endWith(server: Server, sessions: ReadonlySet<ServerHttp2Session>): void {
  const { closeIdleConnections, closeAllConnections } = server
  server.closeIdleConnections = () => {
    for (const session of sessions) session.close()
    closeIdleConnections.call(server)
  }
  server.closeAllConnections = () => {
    for (const session of sessions) session.destroy()
    closeAllConnections.call(server)
  }
}
