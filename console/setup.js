import { paragraph, sentence } from './words.js'

const DEADLINE_MS = 35_000
const FIELDS = ['email', 'password', 'firstName', 'lastName']

const panel = document.getElementById('setup')
const form = document.getElementById('setup-form')
const alert = document.getElementById('setup-alert')
const send = document.getElementById('setup-send')
const show = document.getElementById('show-password')

// Kept, since a click on a link within the page replaces what the address carries.
let token

/** Shows the form for the first super-admin when the address carries a one-time token: `#setup=…`. */
export function offerSetup({ done }) {
  const look = () => {
    const given = new URLSearchParams(location.hash.slice(1)).get('setup')
    if (!given) return
    token = given
    panel.hidden = false
    form.elements.email.focus()
  }
  addEventListener('hashchange', look)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (!send.disabled) void submit(done)
  })
  show.addEventListener('click', togglePassword)
  look()
}

async function submit(done) {
  const given = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]))
  clearErrors()
  if (refuseEmpty(given)) return
  send.disabled = true
  send.textContent = 'One moment…'
  const problem = await makeSuperAdmin(given)
  send.disabled = false
  send.textContent = 'Make the super-admin'
  if (problem) showProblem(problem)
  else succeed(given.email, done)
}

function refuseEmpty({ email, password }) {
  if (email === '') fieldError('email', 'Type the address that you will sign in with.')
  if (password === '') fieldError('password', 'Choose a password.')
  return focusFirstError()
}

/** Resolves to nothing, or to the problem that the server answered with. */
async function makeSuperAdmin({ email, password, firstName, lastName }) {
  const names = { ...(firstName && { firstName }), ...(lastName && { lastName }) }
  try {
    const answer = await fetch('/api/v1/auth/bootstrap', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, email, password, ...names, session: 'cookie' }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    return answer.ok ? undefined : await answer.json()
  } catch {
    return {
      title: 'The server did not answer',
      detail: 'Look whether it is running, then try again.',
    }
  }
}

function showProblem({ title, detail, suggestion, errors = [] }) {
  const ofField = (path) => FIELDS.find((name) => path === `body.${name}`)
  for (const { path, message } of errors)
    if (ofField(path)) fieldError(ofField(path), sentence(message))
  const others = errors.filter(({ path }) => !ofField(path)).map(({ message }) => sentence(message))
  if (errors.length > 0 && others.length === 0) {
    focusFirstError()
    return
  }
  const lines = [...new Set([sentence(title), detail, ...others, suggestion])].filter(Boolean)
  alert.replaceChildren(...lines.map(paragraph))
  alert.hidden = false
  alert.focus()
}

function succeed(email, done) {
  history.replaceState(null, '', location.pathname)
  form.reset()
  document.getElementById('setup-ask').hidden = true
  document.getElementById('setup-done').hidden = false
  document.getElementById('setup-email').textContent = email
  panel.setAttribute('aria-labelledby', 'setup-done-title')
  document.getElementById('setup-done-title').focus()
  done(email)
}

function togglePassword() {
  const shown = form.elements.password.type === 'text'
  form.elements.password.type = shown ? 'password' : 'text'
  show.setAttribute('aria-pressed', String(!shown))
}

function fieldError(name, message) {
  form.elements[name].setAttribute('aria-invalid', 'true')
  document.getElementById(`${name}-error`).textContent = message
}

function clearErrors() {
  alert.hidden = true
  for (const name of FIELDS) {
    form.elements[name].removeAttribute('aria-invalid')
    document.getElementById(`${name}-error`).textContent = ''
  }
}

/** Whether there was one to go to. */
function focusFirstError() {
  const first = form.querySelector('[aria-invalid]')
  first?.focus()
  return first !== null
}
