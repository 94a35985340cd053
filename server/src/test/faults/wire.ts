import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'

const DEADLINE_MS = 60_000

/** A client that speaks bytes, for what no WebSocket library would send. */
export async function rawUpgrade(address: string): Promise<{ socket: Socket; said: () => Buffer }> {
  const { hostname, port, host, pathname } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  const parts: Buffer[] = []
  socket.on('data', (chunk: Buffer) => parts.push(chunk))
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  await once(socket, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) })
  assert.match(Buffer.concat(parts).toString('latin1'), /^HTTP\/1\.1 101 /)
  return { socket, said: () => Buffer.concat(parts) }
}

/** A WebSocket that is open. */
export async function open(url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers })
  socket.on('error', () => {})
  await once(socket, 'open', { signal: AbortSignal.timeout(DEADLINE_MS) })
  return socket
}

/** The first message that a new WebSocket gets; it may come together with the handshake. */
export async function firstMessage(url: string): Promise<string> {
  const socket = new WebSocket(url)
  socket.on('error', () => {})
  const [text] = await once(socket, 'message', { signal: AbortSignal.timeout(DEADLINE_MS) })
  return String(text)
}

/** How a socket is closed by the other side. */
export async function closing(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const signal = AbortSignal.timeout(DEADLINE_MS * 2)
  const [code, reason] = (await once(socket, 'close', { signal })) as [number, Buffer]
  return { code, reason: reason.toString() }
}

/** The answer to one command of CDP. */
export async function ask(socket: WebSocket, id: number, method: string, params: object = {}) {
  const { promise, resolve } = Promise.withResolvers<{
    result?: Record<string, unknown>
    error?: { message: string }
  }>()
  const listen = (data: Buffer) => {
    const message = JSON.parse(String(data)) as { id?: number }
    if (message.id === id) resolve(message as object)
  }
  socket.on('message', listen)
  socket.send(JSON.stringify({ id, method, params }))
  const timer = setTimeout(() => socket.terminate(), DEADLINE_MS)
  const gone = once(socket, 'close').then(() => assert.fail(`${method} was not answered`))
  return Promise.race([promise, gone]).finally(() => {
    clearTimeout(timer)
    socket.off('message', listen)
  })
}

/** How an upgrade is refused: the status, and the code of the problem. */
export async function refusal(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers })
  const { promise, resolve, reject } = Promise.withResolvers<{ status?: number; code?: string }>()
  socket.once('open', () => (socket.terminate(), reject(new Error(`${url} was let in`))))
  socket.on('error', (error) => resolve({ code: error.message }))
  socket.once('unexpected-response', (_request, response) => {
    let text = ''
    response.on('data', (chunk) => (text += String(chunk)))
    response.on('end', () => {
      const { code } = JSON.parse(text || '{}') as { code?: string }
      resolve({ status: response.statusCode, code })
    })
  })
  return promise
}
