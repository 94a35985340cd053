export const MIN_PASSWORD_LENGTH = 15
export const MAX_PASSWORD_LENGTH = 128
// One character may be typed as a letter and several marks. What is longer than this is too long in any form.
const MAX_UNITS = MAX_PASSWORD_LENGTH * 8

/** The one form in which a password is measured and hashed: the same key strokes may give different code points. */
export function normalizePassword(text: string): string {
  return text.normalize('NFC')
}

/** Why no password can look like this, or undefined. Cheap for any length. */
export function typedPasswordFault(text: string): string | undefined {
  if (text === '') return 'must not be empty'
  if (text.length > MAX_UNITS || lengthOf(text) > MAX_PASSWORD_LENGTH) {
    return `must have at most ${MAX_PASSWORD_LENGTH} characters`
  }
  if (!text.isWellFormed() || text.includes('\0')) return 'must be text without NUL characters'
  return undefined
}

/** Why a password that is chosen now has the wrong form, or undefined. */
export function passwordFault(text: string): string | undefined {
  return typedPasswordFault(text) ?? shortFault(text, MIN_PASSWORD_LENGTH)
}

/** Why a password is too short for whoever demands so many characters, or undefined. */
export function shortFault(text: string, minLength: number): string | undefined {
  if (lengthOf(text) >= minLength) return undefined
  return `must have at least ${minLength} characters; a few words that do not belong together do well`
}

/** In code points, as a person counts. */
function lengthOf(text: string): number {
  return Array.from(normalizePassword(text)).length
}
