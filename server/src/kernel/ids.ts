import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'

// Crockford's base 32, lower case: sorts like the bytes it encodes and has no letter that looks like a digit.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const ENCODED_LENGTH = 26

/** Makes ids such as `ses_06ax…`: a prefix and the 26 characters of a version 7 UUID, so that text order is time order. */
export type NewId = (prefix: string) => string

export function openIds(clock: Clock): NewId {
  return (prefix) => `${prefix}_${encode(uuidV7(clock.now().getTime()))}`
}

/** RFC 9562 section 5.7: 48 bits of milliseconds, version, variant, 74 random bits. */
function uuidV7(unixMs: number): Buffer {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(unixMs, 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return bytes
}

function encode(bytes: Buffer): string {
  let value = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  for (let place = 0; place < ENCODED_LENGTH; place++) {
    text = ALPHABET[Number(value & 31n)] + text
    value >>= 5n
  }
  return text
}

/** The pattern that every id with this prefix matches. */
export function idPattern(prefix: string): RegExp {
  return new RegExp(`^${prefix}_[${ALPHABET}]{${ENCODED_LENGTH}}$`)
}
