import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const modes = ['live', 'test'] as const
export type Mode = (typeof modes)[number]

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 256 bits. */
const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6
const SHOWN_LENGTH = 12
/** The largest multiple of 62 that a byte holds: beyond it, the first characters would come up more often. */
const FAIR_BYTES = 248
const FORM = new RegExp(
  `^gk_(?:${modes.join('|')})_[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`,
)

/** A new key: `gk_live_`, 43 random characters, and a checksum of 6 over all before it. */
export function makeKey(mode: Mode): string {
  const body = `gk_${mode}_${randomText()}`
  return body + checksumOf(body)
}

/** Whether the text could be a key: of the right form, and with the checksum that belongs to it. */
export function isWhole(text: string): boolean {
  if (!FORM.test(text)) return false
  const body = text.slice(0, -CHECKSUM_LENGTH)
  return text.endsWith(checksumOf(body))
}

/** As much of a key as people may see; tells it from the others of an account. */
export function shownPart(key: string): string {
  return key.slice(0, SHOWN_LENGTH)
}

const BEARER = /^Bearer +(gk_\S*)$/i

/** What an Authorization header holds if it is meant to be an API key. */
export function keyIn(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
}

function checksumOf(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    text = ALPHABET[rest % ALPHABET.length] + text
    rest = Math.floor(rest / ALPHABET.length)
  }
  return text
}

function randomText(): string {
  let text = ''
  while (text.length < RANDOM_LENGTH) {
    const fair = [...randomBytes(RANDOM_LENGTH)].filter((byte) => byte < FAIR_BYTES)
    text += fair.map((byte) => ALPHABET[byte % ALPHABET.length]).join('')
  }
  return text.slice(0, RANDOM_LENGTH)
}
