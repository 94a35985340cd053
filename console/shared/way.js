// The way through the pages: where to go, what to go on to after a proof, and the tokens that links in mails brought.

import { keepPlace } from './kept-place.js'

// Kept out of the address bar and its history as soon as it is read.
const tokens = new Map()
let wanted

export function goTo(name) {
  if (location.hash === `#${name}`) dispatchEvent(new HashChangeEvent('hashchange'))
  else location.hash = `#${name}`
}

/** To what was wanted before the person had to prove something. */
export function goOn(unless = '') {
  const name = takeWanted() ?? unless
  if (name === '') history.replaceState(null, '', location.pathname)
  goTo(name)
}

/** Where to go after the sign-in that is asked for first. */
export function wantAfter(name) {
  wanted = name
}

/** Before the browser leaves for a provider: what is wanted outlasts the way there and back, in this tab. */
export function keepWanted() {
  keepPlace(wanted, tokens.get(wanted))
}

/** What was wanted, once. */
export function takeWanted() {
  const name = wanted
  wanted = undefined
  return name
}

export function keepToken(name, token) {
  tokens.set(name, token)
}

export function tokenOf(name) {
  return tokens.get(name)
}

export function forgetToken(name) {
  tokens.delete(name)
}
