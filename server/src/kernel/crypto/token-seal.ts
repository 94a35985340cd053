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

/** Its key is used for one text, so that no two texts meet under it. */
const NONCE = Buffer.alloc(NONCE_BYTES)

/**
 * Encrypts a text that whoever holds the token may read again, and nobody else: not with the record, nor with the keys of the
 * installation.
 *
 * @param token of 256 random bits or more, which seals this one text in its life
 * @param place what the record belongs to; it opens nowhere else
 */
export function sealByToken(
  token: string,
  use: string,
  place: readonly string[],
  text: string,
): Buffer {
  const { key, commitment } = expandDataKey(Buffer.from(token), use)
  const sealed = lock(key, NONCE, frame(place), Buffer.from(text))
  return Buffer.concat([commitment, sealed.tag, sealed.text])
}

/** @throws UnsealFailed when token, use, place or a single bit is not the one that was sealed */
export function openByToken(
  token: string,
  use: string,
  place: readonly string[],
  record: Buffer,
): string {
  const { key, commitment } = expandDataKey(Buffer.from(token), use)
  const textAt = COMMITMENT_BYTES + TAG_BYTES
  const kept = record.subarray(0, COMMITMENT_BYTES)
  if (record.length < textAt || !equalDigests(kept, commitment)) throw new UnsealFailed()
  const sealed = { tag: record.subarray(COMMITMENT_BYTES, textAt), text: record.subarray(textAt) }
  return unlock(key, NONCE, frame(place), sealed).toString()
}
