import type { Readable, Writable } from 'node:stream'

const SMALL_BYTES = 4 * 1024
/** Below what a socket takes before it is behind. */
const BURST_BYTES = 48 * 1024

/**
 * As `pipe` does, and much that comes at once is written at once: a link brings it as many small pieces, of which each would be a call
 * of the system.
 */
export function pour(from: Readable, to: Writable): void {
  let burst = 0
  let isDue = false
  const flush = () => {
    if (burst === 0) return
    burst = 0
    to.uncork()
  }
  const flushDue = () => {
    isDue = false
    flush()
  }
  const hold = (bytes: number) => {
    if (burst === 0) to.cork()
    if (!isDue) setImmediate(flushDue)
    isDue = true
    burst += bytes
  }
  from.on('data', (chunk: Buffer) => {
    if (to.destroyed) return
    if (burst > 0 || chunk.length > SMALL_BYTES) hold(chunk.length)
    const goesOn = to.write(chunk)
    if (burst >= BURST_BYTES || !goesOn) flush()
    if (goesOn) return
    from.pause()
    to.once('drain', () => from.resume())
  })
  from.once('end', () => {
    flush()
    to.end()
  })
}
