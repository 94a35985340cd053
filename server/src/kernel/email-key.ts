import { domainToASCII } from 'node:url'

const MAX_BYTES = 254
const MAX_LOCAL_BYTES = 64
// RFC 5321 without quoted parts and address literals, and with letters of any language (RFC 6531).
// No hyphen first: a mail program could read it as an option.
const LOCAL = /^(?!-)[^\s\p{C}\p{Z}"(),:;<>@[\\\]]+$/u
// Checked before conversion, which would drop line ends and decode percent signs.
const TYPED_DOMAIN = /^[\p{L}\p{M}\p{N}.\u3002-]+$/u
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The key under which an address is unique: NFC, folded to lower case, the domain as ASCII (IDNA). Undefined when it is no address.
 *
 * Folding maps some letters onto ASCII (U+212A, the Kelvin sign, becomes `k`), so two addresses are the same only when their keys
 * are; and mail goes to the stored address, never to one that was typed.
 */
export function emailKey(address: string): string | undefined {
  if (Buffer.byteLength(address) > MAX_BYTES || !address.isWellFormed()) return undefined
  const at = address.lastIndexOf('@')
  const local = fold(address.slice(0, Math.max(at, 0)))
  const typedDomain = address.slice(at + 1)
  if (!TYPED_DOMAIN.test(typedDomain)) return undefined
  const domain = domainToASCII(typedDomain)
  if (!LOCAL.test(local) || hasStrayDot(local) || Buffer.byteLength(local) > MAX_LOCAL_BYTES) {
    return undefined
  }
  const key = `${local}@${domain}`
  return DOMAIN.test(domain) && Buffer.byteLength(key) <= MAX_BYTES ? key : undefined
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC')
}

function hasStrayDot(local: string): boolean {
  return local.startsWith('.') || local.endsWith('.') || local.includes('..')
}
