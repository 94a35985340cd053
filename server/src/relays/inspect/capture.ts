import type { HeaderPair } from './redaction.ts'
import { redactHeaders } from './redaction.ts'

/** The beginning of a body, as it passed. */
export interface KeptBody {
  bytes: Buffer
  /** Of the whole body. */
  length: number
}

/** Looks at what passes and keeps the beginning. It copies, since what passes is part of larger buffers, and holds nothing up. */
export class Capture {
  readonly #room: number
  #requestHeaders: HeaderPair[] = []
  #responseHeaders: HeaderPair[] = []
  readonly #request: Buffer[] = []
  readonly #response: Buffer[] = []
  #requestLength = 0
  #responseLength = 0
  #kept = 0
  #ended = false

  /** `bodyBytes`: of each body. */
  constructor(bodyBytes: number) {
    this.#room = bodyBytes
  }

  requestHead(rawHeaders: readonly string[]): void {
    this.#requestHeaders = redactHeaders(rawHeaders)
  }

  responseHead(rawHeaders: readonly string[]): void {
    this.#responseHeaders = redactHeaders(rawHeaders)
  }

  requestBody(chunk: Uint8Array): void {
    this.#keep(this.#request, this.#requestLength, chunk)
    this.#requestLength += chunk.length
  }

  /** The visitor has sent all of it; of a request without a body, at once. */
  requestEnd(): void {
    this.#ended = true
  }

  responseBody(chunk: Uint8Array): void {
    this.#keep(this.#response, this.#responseLength, chunk)
    this.#responseLength += chunk.length
  }

  /** In memory. */
  get size(): number {
    return this.#kept
  }

  get kept() {
    return {
      requestHeaders: this.#requestHeaders,
      requestBody: { bytes: Buffer.concat(this.#request), length: this.#requestLength },
      requestEnded: this.#ended,
      responseHeaders: this.#responseHeaders,
      responseBody: { bytes: Buffer.concat(this.#response), length: this.#responseLength },
    }
  }

  #keep(parts: Buffer[], seen: number, chunk: Uint8Array): void {
    if (seen >= this.#room || chunk.length === 0) return
    const part = Buffer.from(chunk.subarray(0, this.#room - seen))
    parts.push(part)
    this.#kept += part.length
  }
}
