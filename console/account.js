import { panels, secondFactor } from './panels.js'
import { goOnFromProvider, isFromProvider, providerLinks } from './providers.js'
import { call, isSignedIn } from './session.js'
import { paragraphsOf } from './words.js'

const panel = document.getElementById('account')
const title = document.getElementById('account-title')
const text = document.getElementById('account-text')
const alert = document.getElementById('account-alert')
const form = document.getElementById('account-form')
const ways = Object.assign(document.createElement('p'), { className: 'actions' })
const enter = document.getElementById('enter')
const leave = document.getElementById('leave')

let submitShown
// Kept out of the address bar and its history as soon as it is read.
let token

/** Signs people in and out, and takes what mailed links bring. */
export function showAccount() {
  const look = () => {
    const [name, given] = location.hash.slice(1).split('=')
    if (isFromProvider(name)) return void arrive(name, given)
    if (!Object.hasOwn(panels, name)) return
    token = given
    if (given) history.replaceState(null, '', `${location.pathname}#${name}`)
    showPanel(panels[name])
  }
  addEventListener('hashchange', look)
  leave.addEventListener('click', () => void signOut())
  form.after(ways)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    submitShown()
  })
  look()
  void showWho()
}

/** Offers to sign in, or to sign out whoever is. */
export async function showWho() {
  const me = isSignedIn() ? await call('GET', '/users/me') : undefined
  enter.hidden = me?.ok === true
  leave.hidden = !enter.hidden
  leave.textContent = me?.ok ? `Sign out ${me.body.email}` : ''
}

/** Back from a provider: the code is out of the address before anything else happens. */
async function arrive(name, given) {
  history.replaceState(null, '', location.pathname)
  const answer = await goOnFromProvider(name, given)
  if (answer.ok && !answer.body.secondFactorRequired) return showWho()
  showPanel(answer.ok ? secondFactor(answer.body) : panels['sign-in'])
  if (!answer.ok) tell(answer)
}

function tell(answer) {
  alert.hidden = false
  alert.replaceChildren(...paragraphsOf(answer.body))
  alert.focus()
}

/** Other ways to sign in, while that is what the panel is for. */
async function showWays(shown) {
  ways.replaceChildren()
  const links = shown === panels['sign-in'].title ? await providerLinks() : []
  if (title.textContent === shown && !form.hidden) ways.replaceChildren(...links)
}

async function signOut() {
  await call('POST', '/auth/logout')
  await showWho()
}

function showPanel({ title: heading, text: about = '', fields, button, more, ...rest }) {
  title.textContent = heading
  text.textContent = about
  alert.hidden = true
  const send = document.createElement('button')
  send.className = 'button primary'
  send.textContent = button
  form.replaceChildren(...fields.map(field), send, ...(more ? [link(more)] : []))
  submitShown = () => void submit(send, fields, rest)
  form.hidden = false
  panel.hidden = false
  void showWays(heading)
  ;(form.querySelector('input') ?? send).focus()
}

async function submit(send, fields, { path, bodyOf = (given) => given, done }) {
  if (send.disabled) return
  const given = fields.map(({ name }) => [name, form.elements[name].value])
  send.disabled = true
  const body = bodyOf(Object.fromEntries(given), token)
  const answer = await call('POST', typeof path === 'function' ? path(body) : path, body)
  send.disabled = false
  alert.hidden = answer.ok
  if (!answer.ok) {
    tell(answer)
    return
  }
  if (answer.body.secondFactorRequired) {
    showPanel(secondFactor(answer.body))
    return
  }
  token = undefined
  form.hidden = true
  form.replaceChildren()
  ways.replaceChildren()
  history.replaceState(null, '', location.pathname)
  panel.hidden = done === undefined
  text.textContent = done ?? ''
  title.focus()
  await showWho()
}

function field({ name, label, type, autocomplete, hint }) {
  const id = `account-${name}`
  const input = Object.assign(document.createElement('input'), { id, name, type, autocomplete })
  input.required = true
  const words = Object.assign(document.createElement('label'), { htmlFor: id, textContent: label })
  const made = Object.assign(document.createElement('div'), { className: 'field' })
  made.append(words, input)
  if (!hint) return made
  const about = Object.assign(document.createElement('p'), { className: 'hint', id: `${id}-hint` })
  about.textContent = hint
  input.setAttribute('aria-describedby', about.id)
  made.append(about)
  return made
}

function link({ href, text }) {
  return Object.assign(document.createElement('a'), { href, textContent: text })
}
