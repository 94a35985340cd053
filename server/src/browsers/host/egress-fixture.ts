import { once } from 'node:events'
import { type IncomingMessage, createServer, request } from 'node:http'
import {
  type AddressInfo,
  type Server,
  type Socket,
  createServer as createTcpServer,
} from 'node:net'
import type { TestContext } from 'node:test'
import pino from 'pino'
import { openAddressGuard } from '#kernel/addresses.ts'
import { Egress, type EgressOptions } from './egress.ts'

export interface Site {
  port: number
  hits: number
  connections: number
  /** Header by header, the last request. */
  last: IncomingMessage | undefined
}

export async function openSite(t: TestContext, host = '127.0.0.1', port = 0): Promise<Site> {
  const site: Site = { port, hits: 0, connections: 0, last: undefined }
  const server = createServer((incoming, reply) => {
    site.hits += 1
    site.last = incoming
    reply.end(`hello from ${incoming.url}`)
  })
  server.on('connection', () => (site.connections += 1))
  t.after(() => server.closeAllConnections())
  site.port = await listen(t, server, host, port)
  return site
}

export function openTcp(
  t: TestContext,
  onConnection: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<number> {
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    onConnection(socket)
  })
  return listen(t, server, host)
}

export async function listen(t: TestContext, server: Server, host = '127.0.0.1', port = 0) {
  await once(server.listen(port, host), 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

type GatewayOptions = Parameters<typeof openAddressGuard>[0] &
  Partial<Omit<EgressOptions, 'guard'>> & { claimed?: boolean }

/** A gateway with no rules but the guard's, unless `rules` or `claimed: false` say otherwise. */
export async function openEgress(
  t: TestContext,
  { allow, own, lookup, claimed = true, ...options }: GatewayOptions,
): Promise<Egress> {
  const egress = await Egress.open({
    ...{ log: pino({ level: 'silent' }), sessionId: 'ses_test', isReserved: () => false },
    guard: openAddressGuard({ allow, own, lookup }),
    ...(claimed && { rules: {} }),
    ...options,
  })
  t.after(() => egress[Symbol.asyncDispose]())
  return egress
}

export async function get({ port }: { port: number }, url: string) {
  const asked = request({ port, host: '127.0.0.1', path: url, agent: false }).end()
  const [reply] = (await once(asked, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await reply.toArray()).toString()
  return { status: reply.statusCode, text, headers: reply.headers }
}

/** What a CONNECT was answered with; `socket` is the tunnel when that is 200. */
export async function connectThrough({ port }: { port: number }, host: string) {
  const asked = request({ port, host: '127.0.0.1', method: 'CONNECT', path: host })
  asked.end()
  const [reply, socket, head] = (await once(asked, 'connect')) as [IncomingMessage, Socket, Buffer]
  socket.on('error', () => {})
  if (head.length > 0) socket.unshift(head)
  return { status: reply.statusCode, socket, headers: reply.headers }
}

/** All that comes until the far end closes. */
export async function readAll(socket: Socket): Promise<string> {
  return Buffer.concat(await socket.toArray()).toString()
}

/** The first so many bytes, or what came before the end. */
export async function readBytes(socket: Socket, bytes: number): Promise<string> {
  const chunks: Buffer[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = bytes
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    left -= chunk.length
    if (left <= 0) resolve()
  })
  socket.once('close', resolve)
  await promise
  return Buffer.concat(chunks).toString()
}
