import { promisify } from 'node:util'
import { brotliDecompress, gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { FetchFailed } from './fetch-failure.ts'

const MAX_ENCODINGS = 2

/** At most `maxBytes` are held as sent and as many unpacked, so that a small body cannot grow into a large one. */
export async function readBody(answer: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    if (bytes + chunk.length > maxBytes) throw new FetchFailed('too_large')
    // One growing buffer: a body sent byte by byte must not become a million small ones.
    if (bytes + chunk.length > held.length) held = grown(held, bytes + chunk.length)
    bytes += chunk.copy(held, bytes)
  }
  let body = held.subarray(0, bytes)
  if (body.length === 0) return body
  for (const unpack of decodersOf(answer.headers['content-encoding'])) {
    body = await unpack(body, { maxOutputLength: maxBytes }).catch((error: { code?: string }) => {
      const tooLarge = error.code === 'ERR_BUFFER_TOO_LARGE'
      throw new FetchFailed(tooLarge ? 'too_large' : 'protocol', error.code)
    })
  }
  return body
}

function grown(buffer: Buffer, atLeast: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(atLeast, 2 * buffer.length))
  buffer.copy(larger)
  return larger
}

type Decoder = (packed: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
}

/** In the order of undoing: the last coding named was applied last. */
function decodersOf(header: string | string[] | undefined): Decoder[] {
  const codings = [header ?? []].flat().join().toLowerCase().split(',')
  const names = codings.map((name) => name.trim()).filter((name) => name && name !== 'identity')
  if (names.length > MAX_ENCODINGS) throw new FetchFailed('protocol', 'ERR_CONTENT_ENCODING')
  return names.reverse().map((name) => {
    const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined
    if (!decoder) throw new FetchFailed('protocol', 'ERR_CONTENT_ENCODING')
    return decoder
  })
}
