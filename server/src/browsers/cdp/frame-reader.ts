import {
  BINARY,
  CLOSE,
  CONTINUATION,
  MAX_CONTROL_BYTES,
  MAX_HEADER_BYTES,
  TEXT,
  closeCodes,
  headerLength,
  unmask,
  writeHeader,
} from './frames.ts'

/** Takes what a client sends. */
export interface FrameSink {
  /**
   * A whole text message: its payload is `bytes[from..to)`. From `frame` on lies the one frame that carries it, with a mask that
   * changes nothing, so that `bytes[frame..to)` can be sent to a server as it is. Neither outlives the call unless it is sent.
   */
  message(bytes: Buffer, frame: number, from: number, to: number): void
  /** A ping, pong or close; the payload is a copy. */
  control(opcode: number, payload: Buffer): void
}

/** A client has broken the protocol; `code` closes its connection. */
export class FrameFault extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const FIRST_ALLOCATION_BYTES = 64 * 1024
const EMPTY = Buffer.alloc(0)

/**
 * Reads the frames of a WebSocket client as they come, in pieces of any size. What it is given it may change: payloads are
 * unmasked where they lie, and a message that came in one piece is passed on without a copy of it.
 *
 * Memory follows the bytes that have come, not the length that a header claims.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #maxMessageBytes: number
  /** The header that is being read, when it did not come in one piece. */
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES)
  #headerBytes = 0
  /** The frame whose payload is being read. */
  #opcode = 0
  #final = false
  #left = 0
  #phase = 0
  #inPayload = false
  readonly #mask = new Uint8Array(4)
  /** The message so far, behind room for its header. */
  #message = EMPTY
  #messageBytes = 0
  #fragmented = false
  #control = EMPTY

  constructor(sink: FrameSink, maxMessageBytes: number) {
    this.#sink = sink
    this.#maxMessageBytes = maxMessageBytes
  }

  /** @throws FrameFault; nothing may be pushed afterwards */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#inPayload) at = this.#payload(chunk, at)
      else if (this.#headerBytes > 0) at = this.#restOfHeader(chunk, at)
      else at = this.#frame(chunk, at)
    }
  }

  /** A frame from its first byte: passed on where it lies when all of it is here. */
  #frame(chunk: Buffer, at: number): number {
    const bytes = sizeOfHeader(chunk, at)
    if (bytes === 0 || at + bytes > chunk.length) return this.#restOfHeader(chunk, at)
    this.#open(chunk, at, bytes)
    const from = at + bytes
    const to = from + this.#left
    const whole = this.#opcode === TEXT && this.#final && to <= chunk.length
    if (!whole) return this.#enter(from)
    unmask(chunk, from, to, this.#mask, 0)
    for (let index = from - 4; index < from; index++) chunk[index] = 0
    this.#sink.message(chunk, at, from, to)
    return to
  }

  #restOfHeader(chunk: Buffer, at: number): number {
    const header = this.#header
    do {
      header[this.#headerBytes++] = chunk[at++]!
      const known = header.subarray(0, this.#headerBytes)
      const wanted = sizeOfHeader(known, 0)
      if (wanted !== this.#headerBytes) continue
      this.#headerBytes = 0
      this.#open(header, 0, wanted)
      return this.#enter(at)
    } while (at < chunk.length)
    return at
  }

  /** Reads a whole header. @throws FrameFault */
  #open(bytes: Buffer, at: number, size: number): void {
    const first = bytes[at]!
    const length = lengthOf(bytes, at)
    this.#opcode = first & 0x0f
    this.#final = (first & 0x80) !== 0
    this.#left = length
    this.#phase = 0
    for (let index = 0; index < 4; index++) this.#mask[index] = bytes[at + size - 4 + index]!
    if (first & 0x70) throw broken('a reserved bit is set')
    if (this.#opcode >= CLOSE) return this.#checkControl(length)
    if (this.#opcode > BINARY) throw broken('unknown opcode')
    if ((this.#opcode === CONTINUATION) !== this.#fragmented) throw broken('unexpected fragment')
    if (this.#opcode === BINARY) {
      throw new FrameFault(closeCodes.unsupported, 'messages of the DevTools protocol are text')
    }
    if (this.#messageBytes + length > this.#maxMessageBytes) {
      const limit = `a message may have ${this.#maxMessageBytes} bytes`
      throw new FrameFault(closeCodes.tooBig, limit)
    }
  }

  #checkControl(length: number): void {
    if (this.#opcode > 0xa) throw broken('unknown opcode')
    if (!this.#final) throw broken('a control frame in fragments')
    if (length > MAX_CONTROL_BYTES) throw broken('a control frame that is too long')
    this.#control = Buffer.alloc(length)
  }

  #enter(at: number): number {
    this.#inPayload = true
    if (this.#left === 0) this.#leave()
    return at
  }

  #payload(chunk: Buffer, at: number): number {
    const count = Math.min(this.#left, chunk.length - at)
    const end = at + count
    unmask(chunk, at, end, this.#mask, this.#phase)
    if (this.#opcode >= CLOSE) {
      chunk.copy(this.#control, this.#control.length - this.#left, at, end)
    } else this.#append(chunk, at, end)
    this.#phase += count
    this.#left -= count
    if (this.#left === 0) this.#leave()
    return end
  }

  #append(chunk: Buffer, from: number, to: number): void {
    const count = to - from
    const needed = MAX_HEADER_BYTES + this.#messageBytes + count
    if (needed > this.#message.length) this.#grow(needed)
    chunk.copy(this.#message, MAX_HEADER_BYTES + this.#messageBytes, from, to)
    this.#messageBytes += count
  }

  #grow(needed: number): void {
    const expected = needed + this.#left
    const doubled = Math.max(FIRST_ALLOCATION_BYTES, this.#message.length * 2)
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(expected, doubled)))
    this.#message.copy(grown, 0, 0, MAX_HEADER_BYTES + this.#messageBytes)
    this.#message = grown
  }

  /** After the last byte of a frame. */
  #leave(): void {
    this.#inPayload = false
    if (this.#opcode >= CLOSE) return this.#sink.control(this.#opcode, this.#control)
    this.#fragmented = !this.#final
    if (!this.#final) return
    const count = this.#messageBytes
    const message = count === 0 ? Buffer.alloc(MAX_HEADER_BYTES) : this.#message
    this.#message = EMPTY
    this.#messageBytes = 0
    const at = MAX_HEADER_BYTES - headerLength(count) - 4
    writeHeader(message, at, TEXT, count, true)
    this.#sink.message(message, at, MAX_HEADER_BYTES, MAX_HEADER_BYTES + count)
  }
}

/** Bytes of the header that begins here; 0 while that cannot be known. @throws FrameFault when there is no mask */
function sizeOfHeader(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return 0
  const second = bytes[at + 1]!
  if (!(second & 0x80)) throw broken('a frame without a mask')
  const length = second & 0x7f
  if (length < 126) return 6
  return length === 126 ? 8 : 14
}

/** @throws FrameFault when the length is not in its shortest form, or beyond every limit */
function lengthOf(bytes: Buffer, at: number): number {
  const short = bytes[at + 1]! & 0x7f
  if (short < 126) return short
  const length = short === 126 ? bytes.readUInt16BE(at + 2) : longLength(bytes, at + 2)
  if (length < (short === 126 ? 126 : 65_536)) throw broken('a length in a longer form than needed')
  return length
}

function longLength(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32BE(at)
  if (high >= 2 ** 31) throw broken('a length with its first bit set')
  return high * 2 ** 32 + bytes.readUInt32BE(at + 4)
}

function broken(what: string): FrameFault {
  return new FrameFault(closeCodes.protocolError, `not a valid frame: ${what}`)
}
