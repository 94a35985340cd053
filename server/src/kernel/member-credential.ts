import { randomBytes } from 'node:crypto'
import { sha256 } from './crypto.ts'

/** What a process without a database shows for itself; only its digest is kept. */
export function makeCredential(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`
}

/** Of the credential that an `Authorization` header carries; undefined when it carries none of this prefix. */
export function credentialDigest(
  prefix: string,
  authorization: string | undefined,
): Buffer | undefined {
  const [, shown = '', secret] = /^Bearer (([a-z]+)_[\w-]{43})$/.exec(authorization ?? '') ?? []
  return secret === prefix ? sha256(shown) : undefined
}
