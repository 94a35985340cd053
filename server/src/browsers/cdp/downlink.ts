import type { Duplex } from 'node:stream'
import { FrameBorders } from './frame-borders.ts'
import { FrameFilter, type Inspection } from './frame-filter.ts'

/** The bytes of a browser on their way to a client, and between them frames of our own. */
export class Downlink {
  bytes = 0
  /** Bytes of our own frames that wait until the browser has finished a message. */
  waitingBytes = 0
  readonly #client: Duplex
  readonly #borders = new FrameBorders()
  readonly #filter: FrameFilter | undefined
  #waiting: Buffer[] = []

  constructor(client: Duplex, inspection?: Inspection) {
    this.#client = client
    if (inspection) this.#filter = new FrameFilter(inspection, (bytes) => this.#send(bytes))
  }

  /** Takes what the browser has sent. @throws Error when it cannot be filtered */
  push(chunk: Buffer): void {
    if (this.#filter) this.#filter.push(chunk)
    else this.#send(chunk)
  }

  /** Puts a frame between two messages of the browser. */
  inject(frame: Buffer): void {
    if (this.#borders.atBorder) return this.#write(frame)
    this.#waiting.push(frame)
    this.waitingBytes += frame.length
  }

  /** Whether the client has the browser's last message as a whole. */
  get atBorder(): boolean {
    return this.#borders.atBorder
  }

  #send(chunk: Buffer): void {
    const border = this.#borders.follow(chunk)
    if (this.#waiting.length === 0 || border === -1) return this.#write(chunk)
    this.#write(chunk.subarray(0, border))
    for (const frame of this.#waiting) this.#write(frame)
    this.#waiting = []
    this.waitingBytes = 0
    if (border < chunk.length) this.#write(chunk.subarray(border))
  }

  #write(bytes: Buffer): void {
    this.bytes += bytes.length
    if (this.#client.writable) this.#client.write(bytes)
  }
}
