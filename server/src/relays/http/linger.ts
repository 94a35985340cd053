import type { IncomingMessage, ServerResponse } from 'node:http'

const LINGER_MS = 5_000
const LINGER_BYTES = 8 * 1024 * 1024

/**
 * After an answer to a request whose body has not all come: what still comes is read and dropped for a moment, or the visitor would be
 * cut off before it has read its answer.
 */
export function linger(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  const cut = () => {
    if (!request.complete) request.socket.destroy()
  }
  const late = setTimeout(cut, LINGER_MS)
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > LINGER_BYTES) cut()
  })
  const { socket } = response
  const stop = () => {
    clearTimeout(late)
    // The connection may stay for many requests.
    socket?.off('close', stop)
  }
  request.once('end', stop)
  request.once('close', stop)
  socket?.once('close', stop)
  request.resume()
}
