import { argon2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { equalDigests } from '#kernel/crypto.ts'
import { normalizePassword } from './password-text.ts'

const derive = promisify(argon2)

/** What one argon2id hash costs. */
export interface PasswordCost {
  memoryKib: number
  passes: number
  parallelism: number
}

/** 122 ms on one core when it was chosen. */
export const PASSWORD_COST: PasswordCost = { memoryKib: 65_536, passes: 3, parallelism: 1 }

const SALT_BYTES = 16
const TAG_BYTES = 32
// PHC string format; 19 is argon2 version 1.3, the only one that Node computes.
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/]{22})\$([\w+/]{43})$/

export async function hashPassword(password: string, cost: PasswordCost): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return phc(cost, salt, await digest(password, salt, cost))
}

export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const { cost, salt, tag } = parse(stored)
  return equalDigests(await digest(password, salt, cost), tag)
}

/** Whether the hash was made more cheaply than hashes are made now. */
export function isWeaker(stored: string, wanted: PasswordCost): boolean {
  const { cost } = parse(stored)
  return cost.memoryKib < wanted.memoryKib || cost.passes < wanted.passes
}

/** A hash that no password has: verifying against it is the same work as against a real one. */
export function decoyHash(cost: PasswordCost): string {
  return phc(cost, randomBytes(SALT_BYTES), randomBytes(TAG_BYTES))
}

function digest(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
  return derive('argon2id', {
    message: normalizePassword(password),
    nonce: salt,
    memory: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.parallelism,
    tagLength: TAG_BYTES,
  })
}

function phc({ memoryKib, passes, parallelism }: PasswordCost, salt: Buffer, tag: Buffer): string {
  const parameters = `m=${memoryKib},t=${passes},p=${parallelism}`
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`
}

function parse(stored: string): { cost: PasswordCost; salt: Buffer; tag: Buffer } {
  const [, m, t, p, salt, tag] = PHC.exec(stored) ?? []
  if (!salt || !tag) throw new Error('a stored password hash is not an argon2id PHC string')
  return {
    cost: { memoryKib: Number(m), passes: Number(t), parallelism: Number(p) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
