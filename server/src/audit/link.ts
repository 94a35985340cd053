import { hash } from 'node:crypto'

/** What the first link hangs on. */
export const START_HASH = '0'.repeat(64)

/** The hash of a link, in hex: over the hash before, and the event's line. */
export function linkHash(previous: string, line: string): string {
  return hash('sha256', `${previous}\n${line}`, 'hex')
}

export function textHash(text: string): string {
  return hash('sha256', text, 'hex')
}
