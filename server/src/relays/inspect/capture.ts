import { type HeaderPair, redactHeaders } from './redaction.ts'
import type { DecisionRoom } from './room.ts'

/** The beginning of a body, as it passed. */
export interface KeptBody {
  bytes: Buffer
  /** Of the whole body. */
  length: number
}

export interface Captured {
  requestHeaders: readonly HeaderPair[]
  requestBody: KeptBody
  /** Whether the visitor has sent all of it. */
  requestEnded: boolean
  responseHeaders: readonly HeaderPair[]
  responseBody: KeptBody
}

/** Of what is kept beside texts and bodies. */
const OBJECT_BYTES = 1024

/** Looks at what passes and keeps the beginning. It copies, since what passes is part of larger buffers, and holds nothing up. */
export class Capture {
  readonly #room: DecisionRoom
  readonly #request: KeptStart
  readonly #response: KeptStart
  #requestHeaders: HeaderPair[] = []
  #responseHeaders: HeaderPair[] = []
  #requestEnded = false
  #size = 0
  #isClosed = false

  /** `bodyBytes`: of each body. */
  constructor(room: DecisionRoom, bodyBytes: number) {
    this.#room = room
    const takes = (bytes: number) => this.#take(bytes)
    this.#request = new KeptStart(bodyBytes, takes)
    this.#response = new KeptStart(bodyBytes, takes)
    this.#take(OBJECT_BYTES)
  }

  requestHead(rawHeaders: readonly string[]): void {
    if (this.#take(lengthOf(rawHeaders))) this.#requestHeaders = redactHeaders(rawHeaders)
  }

  responseHead(rawHeaders: readonly string[]): void {
    if (this.#take(lengthOf(rawHeaders))) this.#responseHeaders = redactHeaders(rawHeaders)
  }

  requestBody(chunk: Uint8Array): void {
    this.#request.add(chunk)
  }

  /** The visitor has sent all of it; of a request without a body, at once. */
  requestEnd(): void {
    this.#requestEnded = true
  }

  responseBody(chunk: Uint8Array): void {
    this.#response.add(chunk)
  }

  get captured(): Captured {
    return {
      ...{ requestHeaders: this.#requestHeaders, requestBody: this.#request.body },
      requestEnded: this.#requestEnded,
      ...{ responseHeaders: this.#responseHeaders, responseBody: this.#response.body },
    }
  }

  /** Nothing more is kept. */
  close(): void {
    this.#isClosed = true
  }

  /** It is not kept any longer. */
  drop(): void {
    this.close()
    this.#room.give(this.#size)
    this.#size = 0
  }

  #take(bytes: number): boolean {
    if (this.#isClosed || !this.#room.take(bytes)) return false
    this.#size += bytes
    return true
  }
}

class KeptStart {
  readonly #takes: (bytes: number) => boolean
  readonly #parts: Buffer[] = []
  #left: number
  #length = 0

  constructor(bytes: number, takes: (bytes: number) => boolean) {
    this.#left = bytes
    this.#takes = takes
  }

  get body(): KeptBody {
    return { bytes: Buffer.concat(this.#parts), length: this.#length }
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length
    const bytes = Math.min(this.#left, chunk.length)
    if (bytes === 0) return
    if (this.#takes(bytes)) {
      this.#parts.push(Buffer.from(chunk.subarray(0, bytes)))
      this.#left -= bytes
    } else {
      // With a hole in it, it would be no beginning.
      this.#left = 0
    }
  }
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}
