import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineSetting } from '#kernel/runtime-settings.ts'
import { MIN_PASSWORD_LENGTH } from './password-text.ts'

export const GOOD_SCORE = 3

export const minPasswordLength = defineSetting({
  name: 'identity.password_min_length',
  what: 'Characters that a password needs which is chosen from then on',
  value: z.int().min(MIN_PASSWORD_LENGTH).max(64),
  default: MIN_PASSWORD_LENGTH,
})

export const minPasswordScore = defineSetting({
  name: 'identity.password_min_score',
  what: 'How hard to guess a password must be which is chosen from then on, as zxcvbn scores it: 3 is up to 10^10 guesses, 4 is more',
  value: z.int().min(GOOD_SCORE).max(4),
  default: GOOD_SCORE,
})

/** What new passwords are held to. Admins can demand more than the product does, and no less. */
export interface PasswordPolicy {
  minLength: number
  minScore: number
}

export function passwordPolicy(settings?: Context['settings']): PasswordPolicy {
  return {
    minLength: settings ? settings.get(minPasswordLength) : minPasswordLength.default,
    minScore: settings ? settings.get(minPasswordScore) : minPasswordScore.default,
  }
}
