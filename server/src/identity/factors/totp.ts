import { createHmac, randomBytes } from 'node:crypto'
import { equalDigests } from '#kernel/crypto.ts'

// RFC 6238 with what every authenticator app takes: SHA-1, six digits, 30 s.
const STEP_SECONDS = 30
const DIGITS = 6
const SECRET_BYTES = 20
/** A code counts one step before and after its own time. */
const DRIFT = [-1, 0, 1]
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export function newSecret(): Buffer {
  return randomBytes(SECRET_BYTES)
}

/** The step that the code is of, in units of 30 s since 1970; undefined when it is not a code of about now. */
export function stepOf(secret: Buffer, code: string, now: Date): number | undefined {
  const present = Math.floor(now.getTime() / 1000 / STEP_SECONDS)
  const given = Buffer.from(code)
  // All are computed and compared, so the time tells nothing.
  return DRIFT.map((drift) => present + drift)
    .filter((step) => equalDigests(Buffer.from(codeAt(secret, step)), given))
    .at(-1)
}

function codeAt(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac('sha1', secret).update(counter).digest()
  const number = digest.readUInt32BE(digest.at(-1)! & 0x0f) & 0x7fff_ffff
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0')
}

/** RFC 4648, as apps take it when it is typed by hand. */
export function base32(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const letters = bits.match(/.{1,5}/g) ?? []
  return letters.map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}

/** What the QR code holds. */
export function otpauthUri(secret: Buffer, issuer: string, email: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(email)}`
  const parameters = new URLSearchParams({
    ...{ secret: base32(secret), issuer, algorithm: 'SHA1' },
    ...{ digits: String(DIGITS), period: String(STEP_SECONDS) },
  })
  return `otpauth://totp/${label}?${parameters.toString().replaceAll('+', '%20')}`
}
