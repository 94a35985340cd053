import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import type { TestContext } from 'node:test'
import { openAddressGuard } from './addresses.ts'
import { type CallOptions, FetchFailed, openGuardedFetch } from './fetch.ts'

interface Names {
  [name: string]: string[]
}

/** A guarded client whose resolver takes each name's answers in turn, one at each lookup. */
export function client(
  t: TestContext,
  names: Names = {},
  allow = ['127.0.0.0/8'],
  allowHttp = true,
) {
  const lookups: string[] = []
  const refused: object[] = []
  const guard = openAddressGuard({
    allow,
    lookup: async (name) => {
      lookups.push(name)
      const [first, ...rest] = names[name] ?? []
      if (rest.length > 0) names[name] = rest
      if (!first) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
      return [{ address: first }]
    },
  })
  const log = { warn: (fields: object) => void refused.push(fields) }
  const guarded = openGuardedFetch({ guard, allowHttp, log })
  t.after(() => guarded[Symbol.asyncDispose]())
  return {
    lookups,
    refused,
    call: (url: string, options?: CallOptions) => guarded.fetch(url, options),
    close: () => guarded[Symbol.asyncDispose](),
  }
}

export async function listen(t: TestContext, server: Server, host = '127.0.0.1', port = 0) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(port, host)
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => sockets.size }
}

export async function web(t: TestContext, listener: RequestListener, host?: string, port?: number) {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.headers.host}${request.url}`)
    listener(request, response)
  })
  return { ...(await listen(t, server, host, port)), hits }
}

/** A server that reads the request and then says what it likes; `closed` settles when the client hangs up. */
export async function raw(t: TestContext, speak: (socket: Socket) => void) {
  const closed = Promise.withResolvers<void>()
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.on('close', () => closed.resolve())
    socket.once('data', () => speak(socket))
  })
  return { ...(await listen(t, server)), closed: closed.promise }
}

/** Writes `chunk` again and again, as fast as it is taken. */
export function flood(socket: Socket, chunk: string): void {
  while (socket.writable && socket.write(chunk));
  if (socket.writable) socket.once('drain', () => flood(socket, chunk))
}

export function failure(reason: string, code?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof FetchFailed, String(error))
    assert.equal(error.reason, reason)
    if (code) assert.equal(error.code, code)
    return true
  }
}
