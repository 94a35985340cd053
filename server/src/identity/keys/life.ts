import type { ApiKeyRow } from './tables.ts'

/** What the end of a key hangs on. */
export type Ends = Pick<ApiKeyRow, 'expiresAt' | 'revokedAt' | 'overlapEndsAt'>

export const statuses = ['active', 'rotated', 'expired', 'revoked'] as const
type KeyStatus = (typeof statuses)[number]

/** Rotated: it has a successor, and counts until the overlap ends; then it has expired. */
export function statusOf(key: Ends, now: Date): KeyStatus {
  if (key.revokedAt) return 'revoked'
  if (whyEnded(key, now)) return 'expired'
  return key.overlapEndsAt ? 'rotated' : 'active'
}

/** Why the key counts no more, as the end of a sentence about it; nothing while it counts. */
export function whyEnded(
  { revokedAt, expiresAt, overlapEndsAt }: Ends,
  now: Date,
): string | undefined {
  if (revokedAt) return 'was revoked'
  if (expiresAt <= now) return `expired at ${expiresAt.toISOString()}`
  if (overlapEndsAt && overlapEndsAt <= now) {
    return `was replaced, and counted beside its successor until ${overlapEndsAt.toISOString()}`
  }
  return undefined
}
