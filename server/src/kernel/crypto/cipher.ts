import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'

export const KEY_BYTES = 32
export const NONCE_BYTES = 12
export const TAG_BYTES = 16
export const COMMITMENT_BYTES = 32

/** Says no more than that: what was wrong would help a forger only. */
export class UnsealFailed extends Error {
  constructor(message = 'What is sealed could not be opened for this place') {
    super(message)
    this.name = 'UnsealFailed'
  }
}

interface Locked {
  tag: Buffer
  text: Buffer
}

/** AES-256-GCM. A key and a nonce go together once. */
export function lock(key: Buffer, nonce: Buffer, aad: Buffer, plaintext: Uint8Array): Locked {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  const text = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return { tag: cipher.getAuthTag(), text }
}

/** Gives out nothing that was not verified. @throws UnsealFailed */
export function unlock(key: Buffer, nonce: Buffer, aad: Buffer, { tag, text }: Locked): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(aad)
  decipher.setAuthTag(tag)
  const plaintext = decipher.update(text)
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    plaintext.fill(0)
    throw new UnsealFailed()
  }
}

/**
 * What a data key is used as: the key of the cipher, and a commitment that no other data key has (AES-GCM alone would let one
 * ciphertext open under two keys).
 */
export function expandDataKey(
  dataKey: Uint8Array,
  use: string,
): { key: Buffer; commitment: Buffer } {
  const bytes = KEY_BYTES + COMMITMENT_BYTES
  const both = Buffer.from(hkdfSync('sha512', dataKey, 'gantry', use, bytes))
  return { key: both.subarray(0, KEY_BYTES), commitment: both.subarray(KEY_BYTES) }
}

/** Each part behind its length, so that no two lists of parts give the same bytes. */
export function frame(parts: readonly (string | Uint8Array)[]): Buffer {
  const framed = parts.flatMap((part) => {
    const bytes = Buffer.from(part as string)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  return Buffer.concat(framed)
}
