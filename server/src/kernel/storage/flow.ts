import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { ObjectTooLarge } from './errors.ts'
import type { Body, Stored } from './store.ts'

/** The chunks of a body; ends with the signal's reason even while the source is silent. */
export async function* flowOf(
  body: Body,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array | string> {
  if (body instanceof Uint8Array) return yield body
  const chunks: AsyncIterator<Uint8Array | string> = body[Symbol.asyncIterator]()
  let stop = () => {}
  const onAbort = () => stop()
  signal?.addEventListener('abort', onAbort)
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Uint8Array | string>>((resolve, reject) => {
        stop = () => reject(signal?.reason)
        if (signal?.aborted) stop()
        else chunks.next().then(resolve, reject)
      })
      if (next.done) return
      yield next.value
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Tells the sender of a body that failed to stop. */
export function discard(body: Body): void {
  if (body instanceof Readable) body.destroy()
}

/** Counts and hashes bytes on their way through; ends the flow with ObjectTooLarge at the first byte above `maxBytes`. */
export function openMeter(maxBytes: number) {
  const hash = createHash('sha256')
  let bytes = 0
  return {
    async *count(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : bufferOf(chunk)
        bytes += buffer.length
        if (bytes > maxBytes) throw new ObjectTooLarge(maxBytes)
        hash.update(buffer)
        yield buffer
      }
    },
    /** Once, at the end. */
    read: (): Stored => ({ bytes, sha256: hash.digest('hex') }),
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
