import { createHash, randomBytes } from 'node:crypto'
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { offeredProtocols } from '#kernel/socket-ticket.ts'

/** A WebSocket to a browser, past its handshake. */
export interface BrowserSocket {
  socket: Socket
  /** What the browser has said already. */
  head: Buffer
}

/** The browser does not take connections. */
export class BrowserUnreachable extends Error {}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const PROTOCOL_NAME = /^[\w!#$%&'*+.^`|~-]+$/
const KEY = /^[A-Za-z0-9+/]{22}==$/

/**
 * Opens a WebSocket to the browser and leaves its frames to the caller. No extension is offered, nor what a client said of itself:
 * Chromium takes nobody who comes from a page, or asks for another host.
 *
 * @throws BrowserUnreachable
 */
export async function dialBrowser(endpoint: string, deadlineMs: number): Promise<BrowserSocket> {
  const url = new URL(endpoint)
  const key = randomBytes(16).toString('base64')
  const { promise, resolve, reject } = Promise.withResolvers<BrowserSocket>()
  const asked = httpRequest({
    host: url.hostname,
    port: url.port,
    path: url.pathname,
    agent: false,
    headers: {
      host: url.host,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
    },
  })
  asked.on('upgrade', (response, socket: Socket, head) => {
    if (response.headers['sec-websocket-accept'] === acceptOf(key)) return resolve({ socket, head })
    socket.destroy()
    reject(new BrowserUnreachable('the browser gave a wrong handshake'))
  })
  asked.on('response', (response: IncomingMessage) => {
    response.destroy()
    reject(new BrowserUnreachable(`the browser answered ${response.statusCode}`))
  })
  asked.on('error', (error) => reject(new BrowserUnreachable(error.message)))
  asked.end()
  const late = () => asked.destroy(new Error(`no answer within ${deadlineMs} ms`))
  const timer = setTimeout(late, deadlineMs)
  return promise.finally(() => clearTimeout(timer))
}

/** The key of a client's handshake; undefined when it is none. */
export function handshakeKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['sec-websocket-key'] ?? ''
  const upgrade = headers.upgrade?.toLowerCase() === 'websocket'
  return upgrade && headers['sec-websocket-version'] === '13' && KEY.test(key) ? key : undefined
}

/** Answers a client's handshake, with no extension, and with the first of the subprotocols that it offers: a browser takes no answer without. */
export function acceptClient(socket: Duplex, key: string, headers: IncomingHttpHeaders): void {
  const protocol = offeredProtocols(headers).find((name) => PROTOCOL_NAME.test(name))
  const chosen = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n${chosen}\r\n`,
  )
}

export function refuseClient(socket: Duplex, status: '400 Bad Request' | '502 Bad Gateway'): void {
  const version = status.startsWith('400') ? 'Sec-WebSocket-Version: 13\r\n' : ''
  const answer = `HTTP/1.1 ${status}\r\n${version}Connection: close\r\nContent-Length: 0\r\n\r\n`
  socket.resume()
  socket.end(answer, () => socket.destroy())
}

function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64')
}
