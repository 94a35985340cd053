import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { CONNECT_MS, PROBE_AFTER_MS } from '#kernel/pinned.ts'
import { endSoon, untilClosed } from '#kernel/socket-ends.ts'
import type { OpenSocket } from './session-node.ts'

/** All that a node has to know of a client's handshake. Nothing else that the client has written goes on. */
const PASSED = [
  'connection',
  'upgrade',
  'user-agent',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
] as const

const ANSWERED = [
  'connection',
  'upgrade',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
] as const

export interface FarUpgrade {
  response: IncomingMessage
  socket: Duplex
  head: Buffer
}

/** What the far side said instead of upgrading. */
export class NotUpgraded extends Error {
  readonly response: IncomingMessage

  constructor(response: IncomingMessage) {
    super(`the upgrade was answered with ${response.statusCode}`)
    this.name = 'NotUpgraded'
    this.response = response
  }
}

/** Repeats a client's handshake over a connection. @throws NotUpgraded, or Error when no answer comes within 5 s */
export function upgradeOver(
  socket: TLSSocket,
  path: string,
  client: IncomingHttpHeaders,
  own: Record<string, string>,
): Promise<FarUpgrade> {
  const passed = PASSED.flatMap((name) => {
    const value = client[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  const headers = { ...Object.fromEntries(passed), ...own, host: 'node' }
  const { promise, resolve, reject } = Promise.withResolvers<FarUpgrade>()
  const sent = request({ path, headers, createConnection: () => socket, timeout: CONNECT_MS })
  sent.once('timeout', () => sent.destroy(new Error('no answer in time')))
  sent.once('error', reject)
  sent.once('upgrade', (response, socket, head) => {
    socket.setTimeout(0)
    resolve({ response, socket, head })
  })
  sent.once('response', (response) => reject(new NotUpgraded(response)))
  sent.end()
  return promise
}

/**
 * Answers a client with the far side's own answer and joins the two sockets. Between two frames of others nothing can be said, so
 * that closing it is cutting it.
 */
export function splice(near: Duplex, head: Buffer, far: FarUpgrade): OpenSocket {
  const { socket } = far
  const sockets = [near, socket]
  const closed = Promise.all(sockets.map(untilClosed))
  const cut = () => sockets.forEach((one) => one.destroy())
  for (const one of sockets) {
    one.on('error', cut)
    if (one instanceof Socket) one.setNoDelay(true).setKeepAlive(true, PROBE_AFTER_MS)
  }
  near.once('close', () => endSoon(socket))
  socket.once('close', () => endSoon(near))
  if (near.destroyed || socket.destroyed) {
    cut()
    return { close: cut, closed }
  }
  near.write(rawResponse(far.response))
  if (far.head.length > 0) near.write(far.head)
  if (head.length > 0) socket.write(head)
  near.pipe(socket)
  socket.pipe(near)
  return { close: cut, closed }
}

/** The node's answer to the handshake, and nothing else that it says: a cookie of ours would not be its to set. */
function rawResponse({ headers }: IncomingMessage): string {
  const lines = ANSWERED.flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [`${name}: ${value}`] : []
  })
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`
}
