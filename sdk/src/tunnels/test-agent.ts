import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { TunnelAgent } from './agent.ts'
import type { AgentOptions } from './agent-options.ts'
import type { TestPlane } from './test-plane.ts'
import type { Timing } from './timing.ts'

/** Waits that a test does not have to sit through; none of them is what a test measures. */
const QUICK: Partial<Timing> = {
  ...{ pingEveryMs: 200, pongMs: 2_000, probeMs: 300, lookEveryMs: 50, lookAgainMs: 200 },
  ...{ standByMs: 50, steadyMs: 0 },
}

export function startAgent(
  plane: TestPlane,
  options: AgentOptions,
  timing: Partial<Timing> = {},
): TunnelAgent {
  return new TunnelAgent(plane.client, { env: {}, ...options }, { ...QUICK, ...timing })
}

export interface LocalService extends AsyncDisposable {
  readonly port: number
  readonly sockets: Set<Socket>
}

export function serveHttp(answer: RequestListener): Promise<LocalService> {
  return serve(createServer(answer))
}

export function serveHttps(
  certificate: { key: string; cert: string },
  answer: RequestListener,
): Promise<LocalService> {
  return serve(createTlsServer(certificate, answer))
}

export function serveTcp(answer: (socket: Socket) => void): Promise<LocalService> {
  return serve(createTcpServer({ allowHalfOpen: true }, answer))
}

async function serve(server: Server): Promise<LocalService> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...{ port: (server.address() as AddressInfo).port, sockets },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}
