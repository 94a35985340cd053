import { createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { equalDigests, sha256 } from '#kernel/crypto.ts'

/**
 * A refresh token is `gty_rt1_<id>_<counter>_<mac>_<crc>`: the sign-in's id without its prefix, which token of that sign-in it is
 * (base 36), HMAC-SHA-256 of both under the sign-in's own key, and CRC-32 of all before. So none is stored, and the same one can be
 * made again.
 */
const SHAPE = /^(gty_rt1_([0-9a-z]{26})_([1-9a-z][0-9a-z]{0,5})_([0-9a-f]{64}))_([0-9a-f]{8})$/

export interface RefreshToken {
  signInId: string
  counter: number
  mac: Buffer
}

export const REFRESH_KEY_BYTES = 32

export function makeRefreshToken(key: Buffer, signInId: string, counter: number): string {
  const id = signInId.slice('sgn_'.length)
  const mac = macOf(key, signInId, counter).toString('hex')
  const text = `gty_rt1_${id}_${counter.toString(36)}_${mac}`
  return `${text}_${checksum(text)}`
}

/** Undefined when the text is no such token or was damaged: told without a look into the database. */
export function parseRefreshToken(token: string): RefreshToken | undefined {
  const [, text, id, counter, mac, crc] = SHAPE.exec(token) ?? []
  if (!text || !counter || !mac || checksum(text) !== crc) return undefined
  return {
    signInId: `sgn_${id}`,
    counter: Number.parseInt(counter, 36),
    mac: Buffer.from(mac, 'hex'),
  }
}

/** Whether this sign-in issued the token, now or earlier. */
export function isGenuine(key: Buffer, { signInId, counter, mac }: RefreshToken): boolean {
  return equalDigests(macOf(key, signInId, counter), mac)
}

/** What is kept of a token. */
export function refreshHash(token: string): Buffer {
  return sha256(token)
}

function macOf(key: Buffer, signInId: string, counter: number): Buffer {
  return createHmac('sha256', key).update(`refresh|1|${signInId}|${counter}`).digest()
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
