import { randomBytes } from 'node:crypto'
import {
  COMMITMENT_BYTES,
  expandDataKey,
  frame,
  KEY_BYTES,
  lock,
  NONCE_BYTES,
  TAG_BYTES,
  unlock,
  UnsealFailed,
} from './cipher.ts'
import { equalDigests } from './digests.ts'
import type { SealingKey } from './sealing-key.ts'

/** Where a record belongs: its purpose, and table, row and column. It opens nowhere else. */
export interface Place {
  purpose: string
  /** Such as `['sign_ins', id, 'refresh_key']`. */
  at: readonly string[]
}

// Format 2: version (1 byte), key id (8), nonce (12), tag (16) and data key (32) under the sealing key; commitment (32); tag (16),
// ciphertext under the data key. Format 1: version, key id, nonce, tag, ciphertext under a key of the purpose.
const VERSION = 2
const FORMER_VERSION = 1
const ID_END = 9
const NONCE_END = ID_END + NONCE_BYTES
const WRAP_TAG_END = NONCE_END + TAG_BYTES
const WRAPPED_END = WRAP_TAG_END + KEY_BYTES
const COMMITMENT_END = WRAPPED_END + COMMITMENT_BYTES
const TAG_END = COMMITMENT_END + TAG_BYTES
const FORMER_TAG_END = NONCE_END + TAG_BYTES
/** A data key encrypts one text, so its nonce need not differ. */
const ONLY_NONCE = Buffer.alloc(NONCE_BYTES)
const USE = 'record 2'

/** Encrypts under a data key of its own, which the sealing key wraps. */
export function sealRecord(key: SealingKey, place: Place, plaintext: Uint8Array): Buffer {
  const dataKey = randomBytes(KEY_BYTES)
  const { key: textKey, commitment } = expandDataKey(dataKey, USE)
  const { tag, text } = lock(textKey, ONLY_NONCE, textAad(place), plaintext)
  const record = Buffer.concat([wrap(key, place, dataKey, commitment), commitment, tag, text])
  dataKey.fill(0)
  textKey.fill(0)
  return record
}

/** @throws UnsealFailed when key, place, format or a single bit is not the one that was sealed */
export function openRecord(key: SealingKey, place: Place, record: Buffer): Buffer {
  if (record[0] === FORMER_VERSION) return openFormer(key, place, record)
  const dataKey = unwrap(key, place, record)
  const { key: textKey, commitment } = expandDataKey(dataKey, USE)
  if (!equalDigests(commitment, record.subarray(WRAPPED_END, COMMITMENT_END))) {
    throw new UnsealFailed()
  }
  const locked = { tag: record.subarray(COMMITMENT_END, TAG_END), text: record.subarray(TAG_END) }
  try {
    return unlock(textKey, ONLY_NONCE, textAad(place), locked)
  } finally {
    dataKey.fill(0)
    textKey.fill(0)
  }
}

/** The same record under another key. Its text stays as it is, unseen, unless it is of the former format. */
export function rewrapRecord(
  from: SealingKey,
  to: SealingKey,
  place: Place,
  record: Buffer,
): Buffer {
  if (record[0] === FORMER_VERSION) return sealRecord(to, place, openFormer(from, place, record))
  const dataKey = unwrap(from, place, record)
  const commitment = record.subarray(WRAPPED_END, COMMITMENT_END)
  const head = wrap(to, place, dataKey, commitment)
  dataKey.fill(0)
  return Buffer.concat([head, record.subarray(WRAPPED_END)])
}

/** What every record of the newest format under this key begins with. */
export function recordHead(keyId: string): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(keyId, 'hex')])
}

/** @throws UnsealFailed when it is no record */
export function keyIdOf(record: Buffer): string {
  const least = record[0] === FORMER_VERSION ? FORMER_TAG_END : TAG_END
  const isKnown = record[0] === VERSION || record[0] === FORMER_VERSION
  if (!isKnown || record.length < least) throw new UnsealFailed()
  return record.subarray(1, ID_END).toString('hex')
}

function wrap(key: SealingKey, place: Place, dataKey: Buffer, commitment: Buffer): Buffer {
  const head = recordHead(key.id)
  const nonce = randomBytes(NONCE_BYTES)
  const aad = wrapAad(head, place, commitment)
  const { tag, text } = lock(key.wrappingKey(place.purpose), nonce, aad, dataKey)
  return Buffer.concat([head, nonce, tag, text])
}

function unwrap(key: SealingKey, place: Place, record: Buffer): Buffer {
  const head = record.subarray(0, ID_END)
  const commitment = record.subarray(WRAPPED_END, COMMITMENT_END)
  const nonce = record.subarray(ID_END, NONCE_END)
  return unlock(key.wrappingKey(place.purpose), nonce, wrapAad(head, place, commitment), {
    tag: record.subarray(NONCE_END, WRAP_TAG_END),
    text: record.subarray(WRAP_TAG_END, WRAPPED_END),
  })
}

/** Format, key id, purpose, place and commitment. */
function wrapAad(head: Buffer, { purpose, at }: Place, commitment: Buffer): Buffer {
  return frame([head, purpose, commitment, ...at])
}

/** Without the key id, so that the text stays when its data key is wrapped anew. */
function textAad({ purpose, at }: Place): Buffer {
  return frame([USE, purpose, ...at])
}

function openFormer(key: SealingKey, { purpose, at }: Place, record: Buffer): Buffer {
  const aad = Buffer.concat([record.subarray(0, ID_END), frame(at)])
  return unlock(key.formerKey(purpose), record.subarray(ID_END, NONCE_END), aad, {
    tag: record.subarray(NONCE_END, FORMER_TAG_END),
    text: record.subarray(FORMER_TAG_END),
  })
}
