import { WebSocket } from 'ws'

/** With which status a URL of a WebSocket is refused, or 101 when it opens. */
export async function statusOf(url: string): Promise<number> {
  const socket = new WebSocket(url)
  socket.on('error', () => {})
  const status = await new Promise<number>((resolve) => {
    socket.once('open', () => resolve(101))
    socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode!))
  })
  socket.terminate()
  return status
}
