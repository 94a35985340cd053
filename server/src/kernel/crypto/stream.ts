import { randomBytes } from 'node:crypto'
import {
  COMMITMENT_BYTES,
  expandDataKey,
  frame,
  lock,
  NONCE_BYTES,
  TAG_BYTES,
  unlock,
  UnsealFailed,
} from './cipher.ts'
import { equalDigests } from './digests.ts'

/** The key of one object and of nothing else: 32 random bytes, kept sealed in the object's row. */
export interface ObjectKey {
  readonly key: Uint8Array
  /** Table, row and column of the object, as in a record. */
  readonly place: readonly string[]
}

type Source = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

// A header: magic (4 bytes), version (1), chunk size (4), salt (32), commitment (32). Then chunks of 1 MiB, the last one shorter or
// empty, each with its tag behind it; nonce and AAD hold its index and whether it is the last.
const MAGIC = Buffer.from('GTYS')
const VERSION = 1
const CHUNK_BYTES = 1024 * 1024
const SALT_BYTES = 32
const SALT_AT = MAGIC.length + 1 + 4
const COMMITMENT_AT = SALT_AT + SALT_BYTES
const HEADER_BYTES = COMMITMENT_AT + COMMITMENT_BYTES
const LAST_FLAG_AT = NONCE_BYTES - 1
const MAX_CHUNKS = 2 ** 32 - 1

/**
 * Encrypts a stream of any length, one chunk of 1 MiB in memory at a time. Yields the header and the chunks.
 *
 * @example await pipeline(source, (bytes) => sealStream({ key, place }, bytes), file)
 */
export async function* sealStream(
  object: ObjectKey,
  source: Source,
): AsyncGenerator<Buffer, void, undefined> {
  const salt = randomBytes(SALT_BYTES)
  const { key, commitment } = expand(object, salt)
  const header = Buffer.concat([preamble(), salt, commitment])
  yield header
  let index = 0
  try {
    for await (const { bytes, isLast } of cut(source, CHUNK_BYTES)) {
      const { nonce, aad } = placeOf(object, header, index++, isLast)
      const { tag, text } = lock(key, nonce, aad, bytes)
      yield text
      yield tag
    }
  } finally {
    key.fill(0)
  }
}

/**
 * Decrypts what `sealStream` made. What it yields was verified; that nothing is missing at the end is known when it returns, so what
 * was written is to be kept only then.
 *
 * @throws UnsealFailed when a byte was changed, moved, left out or added, or the object belongs elsewhere
 */
export async function* openStream(
  object: ObjectKey,
  source: Source,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = new Pieces(source)
  const header = await pieces.take(HEADER_BYTES)
  const key = keyFor(object, header)
  let index = 0
  try {
    for await (const { bytes, isLast } of cut(pieces, CHUNK_BYTES + TAG_BYTES)) {
      if (bytes.length < TAG_BYTES) throw new UnsealFailed()
      const { nonce, aad } = placeOf(object, header, index++, isLast)
      const textEnd = bytes.length - TAG_BYTES
      const locked = { tag: bytes.subarray(textEnd), text: bytes.subarray(0, textEnd) }
      yield unlock(key, nonce, aad, locked)
    }
  } finally {
    key.fill(0)
  }
}

function preamble(): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(CHUNK_BYTES)
  return Buffer.concat([MAGIC, Buffer.of(VERSION), size])
}

/** @throws UnsealFailed for another format, or another key than the object was sealed with */
function keyFor(object: ObjectKey, header: Buffer): Buffer {
  if (!header.subarray(0, SALT_AT).equals(preamble())) throw new UnsealFailed()
  const { key, commitment } = expand(object, header.subarray(SALT_AT, COMMITMENT_AT))
  if (!equalDigests(commitment, header.subarray(COMMITMENT_AT))) throw new UnsealFailed()
  return key
}

/** The salt makes two streams under one key differ: no chunk of one fits into the other. */
function expand({ key }: ObjectKey, salt: Buffer) {
  return expandDataKey(Buffer.concat([key, salt]), `stream ${VERSION}`)
}

function placeOf({ place }: ObjectKey, header: Buffer, index: number, isLast: boolean) {
  if (index > MAX_CHUNKS) throw new Error('the object is too large to be sealed')
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce.writeUInt32BE(index, NONCE_BYTES - 5)
  nonce[LAST_FLAG_AT] = isLast ? 1 : 0
  return { nonce, aad: frame([header, nonce, ...place]) }
}

interface Chunk {
  bytes: Buffer
  isLast: boolean
}

/** Chunks of `size` bytes; the last one holds what is left, and is there also when nothing is. */
async function* cut(source: Source, size: number): AsyncGenerator<Chunk, void, undefined> {
  // Filled again and again: whoever gets it has done with it before asking for the next.
  const chunk = Buffer.alloc(size)
  let filled = 0
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      // Only once more has come it is known not to be the last.
      if (filled === size) {
        yield { bytes: chunk, isLast: false }
        filled = 0
      }
      const part = piece.subarray(at, at + size - filled)
      chunk.set(part, filled)
      filled += part.length
      at += part.length
    }
  }
  yield { bytes: chunk.subarray(0, filled), isLast: true }
}

/** A source whose beginning is taken off first. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  #ahead: Buffer = Buffer.alloc(0)

  constructor(source: Source) {
    this.#source =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /** @throws UnsealFailed when there is less */
  async take(bytes: number): Promise<Buffer> {
    while (this.#ahead.length < bytes) {
      const { done, value } = await this.#source.next()
      if (done) throw new UnsealFailed()
      this.#ahead = Buffer.concat([this.#ahead, value])
    }
    const taken = this.#ahead.subarray(0, bytes)
    this.#ahead = this.#ahead.subarray(bytes)
    return taken
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield this.#ahead
      for (;;) {
        const { done, value } = await this.#source.next()
        if (done) return
        yield value
      }
    } finally {
      await this.#source.return?.()
    }
  }
}
