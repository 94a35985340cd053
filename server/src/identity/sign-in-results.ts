/** What may come of a try to sign in. */
export const signInResults = [
  'signed_in',
  'wrong_password',
  'locked',
  'disabled',
  'second_factor_needed',
  'second_factor_failed',
] as const
export type SignInResult = (typeof signInResults)[number]
