import { randomBytes, scrypt, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { equalDigests } from './crypto/digests.ts'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** What one hash costs: `128 * n * r` bytes of memory, `p` times over. */
export interface ScryptCost {
  n: number
  r: number
  p: number
}

/** 32 MiB, and 250 ms on one core when it was chosen. */
const COST: ScryptCost = { n: 32_768, r: 8, p: 3 }
const SALT_BYTES = 16
const TAG_BYTES = 32
const MAX_BYTES = 64 * 1024 * 1024
const STORED = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22})\$([\w-]{43})$/

/** For passwords that a process without the database checks, which is told the hash: `scrypt$n$r$p$salt$tag`. */
export async function hashScrypt(password: string, cost = COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const tag = await digest(password, salt, cost)
  const { n, r, p } = cost
  return `scrypt$${n}$${r}$${p}$${salt.toString('base64url')}$${tag.toString('base64url')}`
}

/** False also for a hash that cannot be read. */
export async function verifyScrypt(password: string, stored: string): Promise<boolean> {
  const [, n, r, p, salt, tag] = STORED.exec(stored) ?? []
  if (!salt || !tag) return false
  const cost = { n: Number(n), r: Number(r), p: Number(p) }
  const shown = await digest(password, Buffer.from(salt, 'base64url'), cost)
  return equalDigests(shown, Buffer.from(tag, 'base64url'))
}

function digest(password: string, salt: Buffer, { n, r, p }: ScryptCost): Promise<Buffer> {
  return derive(password.normalize('NFKC'), salt, TAG_BYTES, { N: n, r, p, maxmem: MAX_BYTES })
}
