import { call } from '../shared/api.js'
import { tell } from '../shared/elements.js'
import { isNow } from '../shared/me.js'

/** Sends what changed of the person, and takes what holds now. */
export function save(change) {
  return call('PUT', '/users/me', change)
}

export async function saved(user) {
  await isNow(user)
  tell('Saved.')
}

/** Members that are there: what is left out of a setting is not set. */
export function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

export function wholeNumber(text) {
  return text === undefined ? undefined : Number(text)
}
