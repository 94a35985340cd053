import { isUtf8 } from 'node:buffer'
import { JsonFault, JsonScanner } from './json-scanner.ts'

/** Why a message is none, with the code and about the words that Chromium has for it. */
export class EnvelopeFault extends Error {
  readonly code: number
  /** The message's number, when that much of it was understood. */
  readonly id: number | undefined

  constructor(code: number, message: string, id?: number) {
    super(message)
    this.code = code
    this.id = id
  }
}

const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const MEMBERS = ['id', 'method', 'params', 'sessionId'].map((name) => Buffer.from(name))
const ID = 0
const METHOD = 1
const PARAMS = 2
const SESSION_ID = 3

/**
 * The members of one message to the browser, and where in its bytes they lie; read into the same object time after time.
 *
 * A message that names a member twice, or one that does not exist, is a fault: nobody may be able to understand it in another way
 * than it was understood here.
 */
export class Envelope {
  id = 0
  method = ''
  readonly #scanner = new JsonScanner()
  readonly #from = new Int32Array(MEMBERS.length)
  readonly #to = new Int32Array(MEMBERS.length)
  #bytes: Buffer = NOTHING
  /** The bytes of `method` with their quotes: most messages call what the one before them called. */
  #methodBytes: Buffer = NOTHING

  /** @throws EnvelopeFault */
  read(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes
    this.#to.fill(0)
    try {
      this.#scan(bytes, from, to)
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error
      throw new EnvelopeFault(PARSE_ERROR, error.message)
    }
    this.#understand()
  }

  /** Lets go of the bytes. */
  clear(): void {
    this.#bytes = NOTHING
    this.#scanner.clear()
  }

  /** The value of `params`; no object when there is none. */
  params(): unknown {
    return this.#to[PARAMS] ? (JSON.parse(this.#text(PARAMS)) as unknown) : undefined
  }

  /** Its session, as `,"sessionId":"…"` for the end of an answer; empty without one. */
  get sessionSuffix(): string {
    return this.#to[SESSION_ID] ? `,"sessionId":${this.#text(SESSION_ID)}` : ''
  }

  /** The same message with other parameters. */
  withParams(params: unknown): Buffer {
    const method = JSON.stringify(this.method)
    const head = `{"id":${this.id},"method":${method},"params":${JSON.stringify(params)}`
    return Buffer.from(`${head}${this.sessionSuffix}}`)
  }

  #scan(bytes: Buffer, from: number, to: number): void {
    const scanner = this.#scanner
    scanner.start(bytes, from, to)
    const isObject = scanner.peek() === OPEN_OBJECT
    if (isObject) this.#members()
    else scanner.value()
    if (scanner.peek() !== 0 || !scanner.done) throw new JsonFault('JSON: more than one value')
    if (scanner.bits & 0x80 && !isUtf8(bytes.subarray(from, to))) {
      throw new JsonFault('JSON: invalid UTF-8')
    }
    if (!isObject) throw new EnvelopeFault(INVALID_REQUEST, 'Message must be an object')
  }

  #members(): void {
    const scanner = this.#scanner
    scanner.expect(OPEN_OBJECT)
    if (scanner.take(CLOSE_OBJECT)) return
    do {
      const member = this.#member()
      scanner.expect(COLON)
      scanner.peek()
      this.#from[member] = scanner.at
      scanner.value()
      this.#to[member] = scanner.at
    } while (scanner.take(COMMA))
    scanner.expect(CLOSE_OBJECT)
  }

  #member(): number {
    const scanner = this.#scanner
    scanner.peek()
    const from = scanner.at
    scanner.string()
    const member = scanner.escaped
      ? MEMBERS.findIndex((name) => name.toString() === this.#parse(from, scanner.at))
      : memberOf(this.#bytes, from + 1, scanner.at - 1)
    if (member < 0) throw this.#invalid(`Message has property other than ${NAMES}`)
    if (this.#to[member])
      throw this.#invalid(`Message has property '${String(MEMBERS[member])}' twice`)
    return member
  }

  #understand(): void {
    const id = this.#to[ID] ? Number(this.#text(ID)) : NaN
    if (id !== (id | 0)) throw this.#invalid("Message must have integer 'id' property")
    this.id = id
    const bytes = this.#bytes
    if (!this.#to[METHOD] || bytes[this.#from[METHOD]!] !== QUOTE) {
      throw this.#invalid("Message must have string 'method' property", id)
    }
    if (!this.#isSameMethod()) this.#readMethod()
    if (this.#to[SESSION_ID] && bytes[this.#from[SESSION_ID]!] !== QUOTE) {
      throw this.#invalid("Message may have string 'sessionId' property", id)
    }
  }

  #isSameMethod(): boolean {
    const before = this.#methodBytes
    const from = this.#from[METHOD]!
    if (before.length !== this.#to[METHOD]! - from) return false
    for (let at = 0; at < before.length; at++) {
      if (before[at] !== this.#bytes[from + at]) return false
    }
    return true
  }

  #readMethod(): void {
    const text = this.#text(METHOD)
    this.method = text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
    const short = text.length <= LONGEST_REMEMBERED
    this.#methodBytes = short ? Buffer.from(text) : NOTHING
  }

  #text(member: number): string {
    return this.#bytes.toString('utf8', this.#from[member], this.#to[member])
  }

  #parse(from: number, to: number): unknown {
    return JSON.parse(this.#bytes.toString('utf8', from, to))
  }

  #invalid(message: string, id?: number): EnvelopeFault {
    return new EnvelopeFault(INVALID_REQUEST, message, id)
  }
}

const NOTHING = Buffer.alloc(0)
const LONGEST_REMEMBERED = 100
const NAMES = MEMBERS.map((name) => `'${String(name)}'`).join(', ')

function memberOf(bytes: Buffer, from: number, to: number): number {
  next: for (let member = 0; member < MEMBERS.length; member++) {
    const name = MEMBERS[member]!
    if (name.length !== to - from) continue
    for (let at = 0; at < name.length; at++) if (bytes[from + at] !== name[at]) continue next
    return member
  }
  return -1
}
