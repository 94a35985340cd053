import type { Socket } from 'node:net'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import { CLOSE, PING, TEXT, frame } from './frames.ts'
import type { Gate } from './gate.ts'

interface UplinkOptions {
  browser: Socket
  gate: Gate
  maxMessageBytes: number
  /** Answers the client in place of the browser. */
  answer(text: string): void
  onClose(payload: Buffer): void
}

/** The messages of a client on their way to a browser. */
export class Uplink implements FrameSink {
  messages = 0
  bytes = 0
  readonly #options: UplinkOptions
  readonly #reader: FrameReader
  /** Frames that go on as they are and lie one behind the other, so that they are written at once. */
  #run: Buffer | undefined
  #runFrom = 0
  #runTo = 0

  constructor(options: UplinkOptions) {
    this.#options = options
    this.#reader = new FrameReader(this, options.maxMessageBytes)
  }

  /** Takes what the client has sent. @throws FrameFault */
  push(chunk: Buffer): void {
    this.bytes += chunk.length
    try {
      this.#reader.push(chunk)
    } finally {
      this.#flush()
    }
  }

  message(bytes: Buffer, frameFrom: number, from: number, to: number): void {
    this.messages++
    const verdict = this.#options.gate.judge(bytes, from, to)
    if (!verdict) this.#pass(bytes, frameFrom, to)
    else if ('forward' in verdict) this.#send(frame(TEXT, verdict.forward, true))
    else this.#options.answer(verdict.answer)
  }

  control(opcode: number, payload: Buffer): void {
    if (opcode === PING) this.#send(frame(PING, payload, true))
    else if (opcode === CLOSE) this.#options.onClose(payload)
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    if (bytes !== this.#run || from !== this.#runTo) {
      this.#flush()
      this.#run = bytes
      this.#runFrom = from
    }
    this.#runTo = to
  }

  #send(bytes: Buffer): void {
    this.#flush()
    this.#write(bytes)
  }

  #flush(): void {
    if (!this.#run) return
    const run = this.#run
    this.#run = undefined
    const whole = this.#runFrom === 0 && this.#runTo === run.length
    this.#write(whole ? run : run.subarray(this.#runFrom, this.#runTo))
  }

  #write(bytes: Buffer): void {
    if (this.#options.browser.writable) this.#options.browser.write(bytes)
  }
}
