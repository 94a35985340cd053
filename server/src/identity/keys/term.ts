import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'

const DAY_MS = 24 * 60 * 60 * 1000
export const DEFAULT_LIFE_MS = 90 * DAY_MS
/** Of 366 days: whoever counts in calendar years stays below. */
const LONGEST_LIFE_MS = 5 * 366 * DAY_MS

/** The end that was asked for, or the one of this life. @throws problem `request.invalid` for one that is past or too far */
export function chosenEnd({ clock }: Context, wanted: string | undefined, lifeMs: number): Date {
  const nowMs = clock.now().getTime()
  if (wanted === undefined) return new Date(nowMs + lifeMs)
  const endMs = Date.parse(wanted)
  if (endMs > nowMs && endMs <= nowMs + LONGEST_LIFE_MS) return new Date(endMs)
  const message = 'must be in the future, and at most 5 years ahead'
  throw httpProblems.invalid({ errors: [{ path: 'body.expiresAt', message }] })
}
