import type { FrameHeader } from './manifest.ts'

export interface Frame extends FrameHeader {
  jpeg: Buffer
}

const LENGTH_BYTES = 4
const MAX_HEADER_BYTES = 4_096

/** The length of the header as an unsigned 32 bit number, most significant byte first, the header as JSON, then the image. */
export function packFrame({ jpeg, ...facts }: Omit<Frame, 'bytes'>): Buffer {
  const header = Buffer.from(JSON.stringify({ ...facts, bytes: jpeg.length }))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(header.length)
  return Buffer.concat([length, header, jpeg])
}

/** The frames of a part, and where in it their images are. @throws Error when the part is not well formed */
export function* unpackFrames(part: Buffer): Generator<Frame & { offset: number }> {
  let at = 0
  while (at < part.length) {
    const headerLength = at + LENGTH_BYTES <= part.length ? part.readUInt32BE(at) : Infinity
    if (headerLength > MAX_HEADER_BYTES) throw new Error('a part of the recording is damaged')
    const offset = at + LENGTH_BYTES + headerLength
    const header = JSON.parse(part.toString('utf8', at + LENGTH_BYTES, offset)) as FrameHeader
    at = offset + header.bytes
    if (!(header.bytes >= 0) || at > part.length)
      throw new Error('a part of the recording is damaged')
    yield { ...header, offset, jpeg: part.subarray(offset, at) }
  }
}
