/** What JSON.parse would reject, told apart from what is only not an object. */
export class JsonFault extends Error {}

/** How deep Chromium's own reader goes. */
const MAX_DEPTH = 300

const TAB = 0x09
const NEW_LINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const LITERALS = ['true', 'false', 'null'].map((text) => Buffer.from(text))
/** What may follow a backslash: 1 for a letter, 2 for four hexadecimal digits. */
const ESCAPES = new Uint8Array(256)
for (const letter of '"\\/bfnrt') ESCAPES[letter.charCodeAt(0)] = 1
ESCAPES['u'.charCodeAt(0)] = 2
/** Neither a quote, nor a backslash, nor a control character: most of every string. */
const PLAIN = new Uint8Array(256).fill(1)
PLAIN.fill(0, 0, SPACE)
PLAIN[QUOTE] = 0
PLAIN[BACKSLASH] = 0

/**
 * Walks over the bytes of one JSON text exactly as strictly as RFC 8259, without making values of it: a message is understood as
 * far as it is needed for a fraction of what JSON.parse takes, and a large one takes no memory.
 */
export class JsonScanner {
  at = 0
  /** All bytes of strings so far, or-ed: whether any is not ASCII. */
  bits = 0
  /** Whether the last string holds an escape. */
  escaped = false
  #bytes: Buffer = EMPTY
  #end = 0
  readonly #inObject = new Uint8Array(MAX_DEPTH)

  start(bytes: Buffer, at: number, end: number): void {
    this.#bytes = bytes
    this.at = at
    this.#end = end
    this.bits = 0
  }

  /** Lets go of the bytes. */
  clear(): void {
    this.#bytes = EMPTY
  }

  get done(): boolean {
    return this.at >= this.#end
  }

  /** The next byte that is not white space; 0 at the end. */
  peek(): number {
    const bytes = this.#bytes
    let at = this.at
    while (at < this.#end) {
      const byte = bytes[at]!
      if (byte !== SPACE && byte !== NEW_LINE && byte !== RETURN && byte !== TAB) break
      at++
    }
    this.at = at
    return at < this.#end ? bytes[at]! : 0
  }

  /** Steps over this byte if it is the next one. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false
    this.at++
    return true
  }

  /** @throws JsonFault */
  expect(byte: number): void {
    if (!this.take(byte)) throw this.#fault(`'${String.fromCharCode(byte)}' expected`)
  }

  /** Steps over a string; what is in it lies between the quotes. @throws JsonFault */
  string(): void {
    this.expect(QUOTE)
    const bytes = this.#bytes
    const end = this.#end
    let at = this.at
    let bits = 0
    this.escaped = false
    for (;;) {
      while (at < end && PLAIN[bytes[at]!] === 1) bits |= bytes[at++]!
      this.at = at
      if (at < end && bytes[at] === QUOTE) break
      at = this.#escape(at)
    }
    this.at = at + 1
    this.bits |= bits
  }

  /** Steps over any value. @throws JsonFault */
  value(): void {
    let depth = 0
    for (;;) {
      const byte = this.peek()
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.at++
        if (!this.take(byte + 2)) {
          if (depth === MAX_DEPTH) throw this.#fault('nested too deeply')
          this.#inObject[depth++] = byte === OPEN_OBJECT ? 1 : 0
          if (byte === OPEN_OBJECT) this.#name()
          continue
        }
      } else this.#scalar(byte)
      depth = this.#leave(depth)
      if (depth === 0) return
    }
  }

  /** After a value: out of all that ends here, and up to the next value, if there is one. */
  #leave(depth: number): number {
    while (depth > 0) {
      const inObject = this.#inObject[depth - 1] === 1
      if (this.take(COMMA)) {
        if (inObject) this.#name()
        return depth
      }
      this.expect(inObject ? CLOSE_OBJECT : CLOSE_ARRAY)
      depth--
    }
    return 0
  }

  #name(): void {
    this.string()
    this.expect(COLON)
  }

  #scalar(byte: number): void {
    if (byte === QUOTE) return this.string()
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return this.#number()
    const literal = LITERALS.find((text) => this.#startsWith(text))
    if (!literal) throw this.#fault('value expected')
    this.at += literal.length
  }

  #startsWith(text: Buffer): boolean {
    const { at } = this
    return at + text.length <= this.#end && text.equals(this.#bytes.subarray(at, at + text.length))
  }

  #number(): void {
    if (this.#bytes[this.at] === MINUS) this.at++
    if (this.#current() === ZERO) this.at++
    else this.#digits()
    if (this.#current() === DOT) {
      this.at++
      this.#digits()
    }
    if ((this.#current() | 0x20) !== 0x65) return
    this.at++
    const sign = this.#current()
    if (sign === MINUS || sign === 0x2b) this.at++
    this.#digits()
  }

  #digits(): void {
    const from = this.at
    while (this.#current() >= ZERO && this.#current() <= NINE) this.at++
    if (this.at === from) throw this.#fault('digit expected')
  }

  #current(): number {
    return this.at < this.#end ? this.#bytes[this.at]! : 0
  }

  #escape(at: number): number {
    if (at + 1 >= this.#end || this.#bytes[at] !== BACKSLASH) throw this.#fault('invalid string')
    this.escaped = true
    const kind = ESCAPES[this.#bytes[at + 1]!]
    if (kind === 1) return at + 2
    const hex = kind === 2 && at + 6 <= this.#end && this.#bytes.toString('latin1', at + 2, at + 6)
    if (!hex || !/^[0-9a-f]{4}$/i.test(hex)) throw this.#fault('invalid escape')
    return at + 6
  }

  #fault(what: string): JsonFault {
    return new JsonFault(`JSON: ${what}`)
  }
}

const EMPTY = Buffer.alloc(0)
