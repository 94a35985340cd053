import type { Duplex } from 'node:stream'

/** Time for what is under way to one side once the other is gone. */
const FLUSH_MS = 1_000

export function untilClosed(socket: Duplex): Promise<void> {
  if (socket.closed) return Promise.resolve()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Lets go out what has been written, the last word of the other side above all, and then cuts. */
export function endSoon(socket: Duplex): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), FLUSH_MS)
  socket.end(() => {
    clearTimeout(timer)
    socket.destroy()
  })
}
