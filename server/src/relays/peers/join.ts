import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream'

interface End {
  socket: Duplex
  /** What it has said already. */
  head: Buffer
}

/** Passes bytes both ways, each at the pace of its reader, until both ends are done or one breaks. */
export function join(near: End, far: End): Promise<void> {
  for (const { socket, head } of [near, far]) {
    // One may end what it says and go on to listen.
    socket.allowHalfOpen = true
    socket.on('error', () => {})
    if (head.length > 0) socket.unshift(head)
  }
  return new Promise((resolve) => {
    pipeline(near.socket, far.socket, near.socket, () => {
      near.socket.destroy()
      far.socket.destroy()
      resolve()
    })
  })
}
