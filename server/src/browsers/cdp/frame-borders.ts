import { CLOSE, MAX_HEADER_BYTES, serverHeaderSize, serverPayloadLength } from './frames.ts'

/**
 * Follows the frames of a server's stream by their headers alone, to know where a frame of our own may stand: never inside of
 * another one, and never between the fragments of a message.
 */
export class FrameBorders {
  #left = 0
  #fragmented = false
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES)
  #headerBytes = 0

  /** Whether a frame may be put in after all that was seen. */
  get atBorder(): boolean {
    return this.#left === 0 && this.#headerBytes === 0 && !this.#fragmented
  }

  /** Follows these bytes. Gives where the first border in them is, counted from their start, or -1. */
  follow(chunk: Buffer): number {
    let first = -1
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, chunk.length - at)
        this.#left -= count
        at += count
      } else at = this.#readHeader(chunk, at)
      if (first === -1 && this.atBorder) first = at
    }
    return first
  }

  #readHeader(chunk: Buffer, at: number): number {
    if (this.#headerBytes === 0) {
      const size = serverHeaderSize(chunk, at)
      if (size > 0 && at + size <= chunk.length) {
        this.#open(chunk, at, size)
        return at + size
      }
    }
    this.#header[this.#headerBytes++] = chunk[at]!
    if (serverHeaderSize(this.#header.subarray(0, this.#headerBytes), 0) === this.#headerBytes) {
      this.#open(this.#header, 0, this.#headerBytes)
      this.#headerBytes = 0
    }
    return at + 1
  }

  #open(bytes: Buffer, at: number, size: number): void {
    const first = bytes[at]!
    if ((first & 0x0f) < CLOSE) this.#fragmented = (first & 0x80) === 0
    this.#left = serverPayloadLength(bytes, at, size)
  }
}
