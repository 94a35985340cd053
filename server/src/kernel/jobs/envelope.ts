import type { Actor } from '../context.ts'

/** What the queue stores for one job. */
export interface Envelope {
  /** As it was sent; parsed again before each run. */
  input: unknown
  accountId?: string
  correlationId?: string
  /** Who asked for it. The job itself runs as the system. */
  sentBy: Actor
}

/** The queue that takes what has failed for good, with its input and its last error. */
export const DEAD_LETTERS = 'dead'

// A queue admits one job per key, and one without a key: those that need not be unique get a key that is.
const UNIQUE = '='

export function queueKey(uniqueKey: string | undefined, newKey: () => string): string {
  return uniqueKey === undefined ? newKey() : `${UNIQUE}${uniqueKey}`
}

/** The key that the sender gave, if it gave one. */
export function uniqueKeyOf(queueKey: string | null): string | null {
  return queueKey?.startsWith(UNIQUE) ? queueKey.slice(UNIQUE.length) : null
}
