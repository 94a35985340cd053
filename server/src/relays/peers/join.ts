import type { Duplex } from 'node:stream'
import { endSoon, untilClosed } from '#kernel/socket-ends.ts'

interface End {
  socket: Duplex
  /** What it has said already. */
  head: Buffer
}

/** Passes bytes both ways, each at the pace of its reader, until both ends are done or one breaks. */
export async function join(near: End, far: End): Promise<void> {
  const closed = [near, far].map(({ socket, head }) => {
    // One may end what it says and go on to listen.
    socket.allowHalfOpen = true
    socket.on('error', () => {})
    if (head.length > 0) socket.unshift(head)
    return untilClosed(socket)
  })
  near.socket.once('close', () => endSoon(far.socket))
  far.socket.once('close', () => endSoon(near.socket))
  near.socket.pipe(far.socket)
  far.socket.pipe(near.socket)
  if (near.socket.destroyed) endSoon(far.socket)
  if (far.socket.destroyed) endSoon(near.socket)
  await Promise.all(closed)
}
