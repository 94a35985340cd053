import {
  call,
  chooseAccount,
  forgetSignIn,
  isSignedIn,
  whenAccountGone,
  whenSignedOut,
} from './api.js'
import { tell } from './elements.js'
import { showTheme } from './theme.js'
import { speak } from './words.js'

const followers = []
let user
let owes = false

/** Who is signed in, as `GET /v1/users/me` shows them; nobody is `undefined`. */
export function me() {
  return user
}

/** Whether a second factor must be set up before anything else answers. */
export function owesFactor() {
  return owes
}

/** Told each time who is signed in changes, or what is known of them. */
export function followMe(follow) {
  followers.push(follow)
}

/** Reads who is signed in, if anybody is. */
export async function readMe() {
  const answer = isSignedIn() ? await call('GET', '/users/me') : undefined
  await isNow(answer?.ok ? answer.body : undefined)
}

/** After a sign-in, or a change of the profile. */
export async function isNow(who) {
  const isAnother = who?.id !== user?.id
  user = who
  if (user) {
    showTheme(user.settings.theme)
    speak(user.settings.language)
  }
  if (isAnother) owes = user !== undefined && (await readDebt())
  for (const follow of followers) follow()
}

export async function factorIsSetUp() {
  owes = false
  await readMe()
}

async function readDebt() {
  if (user.impersonatedBy) return false
  const { ok, body } = await call('GET', '/auth/2fa')
  return ok && body.required && !body.enabled
}

/** Resolves to whether nobody is signed in here any more; says why, if somebody still is. */
export async function signOut(path = '/auth/logout') {
  const answer = await call('POST', path)
  // Whoever is not known any more has left already.
  if (!answer.ok && answer.status !== 401) {
    tell(`You are still signed in: ${answer.body.title}.`)
    return false
  }
  forgetSignIn()
  await isNow(undefined)
  return true
}

/** Acts for another account from now on. */
export async function actFor(accountId) {
  chooseAccount(accountId)
  await readMe()
}

whenSignedOut(() => void isNow(undefined))
whenAccountGone(() => {
  tell('You cannot act for that account any more, and are back in your own.')
  void readMe()
})
