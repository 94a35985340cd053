import { CLOSE, TEXT, frame, serverHeaderSize, serverPayloadLength } from './frames.ts'

/** What becomes of a message of the browser, by how it begins. */
export interface Inspection {
  /** Bytes of a message that tell whether it has to be looked at. */
  readonly prefixBytes: number
  matches(prefix: Buffer): boolean
  /** What goes on in place of the payload; undefined for nothing at all. */
  rewrite(payload: Buffer): Buffer | undefined
}

/** A message that has to be looked at and is longer than this is left out. */
const MAX_INSPECTED_BYTES = 1024 * 1024
const FINAL_TEXT = 0x81
const EMPTY = Buffer.alloc(0)

/**
 * Rewrites some messages of a browser's stream; all others go through as they came, without being collected. Chromium does not
 * fragment its messages, and a stream in which one is cannot be filtered.
 */
export class FrameFilter {
  readonly #inspection: Inspection
  readonly #emit: (bytes: Buffer) => void
  #held: Buffer = EMPTY
  /** Bytes until the next header, which go through or are left out. */
  #left = 0
  #leavingOut = false

  constructor(inspection: Inspection, emit: (bytes: Buffer) => void) {
    this.#inspection = inspection
    this.#emit = emit
  }

  /** @throws Error when the stream cannot be filtered */
  push(chunk: Buffer): void {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = EMPTY
    while (rest.length > 0) {
      const taken = this.#left > 0 ? this.#pass(rest) : this.#frame(rest)
      if (taken === 0) {
        this.#held = rest
        return
      }
      rest = rest.subarray(taken)
    }
  }

  #pass(bytes: Buffer): number {
    const count = Math.min(this.#left, bytes.length)
    this.#left -= count
    if (!this.#leavingOut) this.#emit(bytes.subarray(0, count))
    return count
  }

  /** How many bytes are dealt with; 0 when more have to come first. */
  #frame(bytes: Buffer): number {
    const size = serverHeaderSize(bytes, 0)
    if (size === 0 || bytes.length < size) return 0
    const whole = size + serverPayloadLength(bytes, 0, size)
    if ((bytes[0]! & 0x0f) >= CLOSE) return this.#start(bytes, whole, false)
    if (bytes[0] !== FINAL_TEXT) throw new Error('a message in fragments')
    const telling = Math.min(whole, size + this.#inspection.prefixBytes)
    if (bytes.length < telling) return 0
    if (!this.#inspection.matches(bytes.subarray(size, telling))) {
      return this.#start(bytes, whole, false)
    }
    if (whole > MAX_INSPECTED_BYTES) return this.#start(bytes, whole, true)
    if (bytes.length < whole) return 0
    const rewritten = this.#inspection.rewrite(bytes.subarray(size, whole))
    if (rewritten) this.#emit(frame(TEXT, rewritten, false))
    return whole
  }

  #start(bytes: Buffer, count: number, leaveOut: boolean): number {
    this.#left = count
    this.#leavingOut = leaveOut
    return this.#pass(bytes)
  }
}
