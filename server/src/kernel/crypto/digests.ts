import { hash, timingSafeEqual } from 'node:crypto'

export function sha256(content: string | Uint8Array): Buffer {
  return hash('sha256', content, 'buffer')
}

/** Compares in a time that does not tell where they differ. Digests of unequal length differ. */
export function equalDigests(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
