import { emailKey } from '../email.ts'
import { PersonName } from '../settings.ts'
import type { Proof } from './provider.ts'

// OpenID Connect Core 2: at most 255 characters of ASCII.
const SUBJECT = /^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/

/** Whose identity it is. @throws Error for one that no provider gives */
export function identityOf(issuer: string, subject: unknown): Pick<Proof, 'issuer' | 'subject'> {
  if (typeof subject !== 'string' || !SUBJECT.test(subject)) throw new Error('of no subject')
  return { issuer, subject }
}

/** An address that can be kept; anything else counts as none. */
export function addressOf(
  email: unknown,
  isVerified: boolean,
): Pick<Proof, 'email' | 'emailVerified'> {
  if (typeof email !== 'string' || emailKey(email) === undefined) return { emailVerified: false }
  return { email, emailVerified: isVerified }
}

/** What the person is called, as far as it fits. */
export function namesOf(first: unknown, last: unknown): Pick<Proof, 'firstName' | 'lastName'> {
  const [firstName, lastName] = [PersonName.safeParse(first).data, PersonName.safeParse(last).data]
  return { ...(firstName && { firstName }), ...(lastName && { lastName }) }
}

/** Some providers write booleans as texts or numbers. Whatever else there is, is no yes. */
export function isYes(claim: unknown): boolean {
  return claim === true || claim === 'true' || claim === 1 || claim === '1'
}
