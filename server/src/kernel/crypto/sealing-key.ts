import { hkdfSync } from 'node:crypto'
import { KEY_BYTES } from './cipher.ts'

const ID_BYTES = 8

/** A key that wraps the data keys of records. Its id, 16 hexadecimal digits, follows from it. */
export class SealingKey {
  readonly id: string
  readonly #key: Buffer
  readonly #derived = new Map<string, Buffer>()

  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) {
      throw new Error(`a sealing key has ${KEY_BYTES} bytes, this one has ${key.length}`)
    }
    this.#key = Buffer.from(key)
    this.id = expand(key, 'key-id', ID_BYTES).toString('hex')
  }

  /** The key that the records of format 1 were encrypted with. */
  formerKey(purpose: string): Buffer {
    return this.#once(`purpose:${purpose}`, (use) => expand(this.#key, use))
  }

  /** The key that wraps the data keys of one purpose. */
  wrappingKey(purpose: string): Buffer {
    return this.#once(`wrap:${purpose}`, (use) =>
      Buffer.from(hkdfSync('sha512', this.#key, 'gantry', use, KEY_BYTES)),
    )
  }

  #once(use: string, make: (use: string) => Buffer): Buffer {
    const known = this.#derived.get(use)
    if (known) return known
    const made = make(use)
    this.#derived.set(use, made)
    return made
  }
}

/** HKDF-SHA-256. */
export function expand(key: Uint8Array, use: string, bytes = KEY_BYTES): Buffer {
  return Buffer.from(hkdfSync('sha256', key, 'gantry', use, bytes))
}
