import { call } from './api.js'
import { element } from './elements.js'
import { field } from './form.js'

/** What the product demands at least; an operator may demand more. */
const SHORTEST = 15

/** A password that is known, with a button that shows it. */
export function passwordField({ name = 'password', label = 'Password', ...rest } = {}) {
  const made = field({ name, label, type: 'password', autocomplete: 'current-password', ...rest })
  const show = element('button', { type: 'button', 'aria-pressed': 'false' }, 'Show')
  show.setAttribute('aria-label', `Show: ${label}`)
  show.addEventListener('click', () => {
    const isShown = made.input.type === 'text'
    made.input.type = isShown ? 'password' : 'text'
    show.setAttribute('aria-pressed', String(!isShown))
  })
  const row = element('div', { className: 'with-button' })
  made.input.replaceWith(row)
  row.append(made.input, show)
  return made
}

/** A password that is chosen now: tells while it is typed how much is missing. Whether it is easy to guess, the server tells when it is sent. */
export function newPasswordField(options = {}) {
  const made = passwordField({
    ...{ label: 'New password', autocomplete: 'new-password' },
    hint: hintOf(SHORTEST),
    ...options,
  })
  let shortest = SHORTEST
  const missing = element('p', { className: 'hint' })
  // Speaks once, and not at each key.
  const enough = element('p', { className: 'enough', role: 'status' })
  made.node.append(missing, enough)
  const tellMissing = () => {
    const length = Array.from(made.input.value.normalize('NFC')).length
    missing.textContent = length > 0 && length < shortest ? missingOf(shortest - length) : ''
    const isEnough = length >= shortest ? '✓ Long enough' : ''
    if (enough.textContent !== isEnough) enough.textContent = isEnough
  }
  made.input.addEventListener('input', () => {
    made.say('')
    tellMissing()
  })
  void call('GET', '/auth/password-policy').then(({ ok, body }) => {
    if (!ok) return
    shortest = body.minLength
    const hint = made.node.querySelector(`#${made.input.id}-hint`)
    if (hint && options.hint === undefined) hint.textContent = hintOf(shortest)
    tellMissing()
  })
  return made
}

function hintOf(shortest) {
  return `At least ${shortest} characters. A few words that do not belong together do well.`
}

function missingOf(count) {
  return `${count} more ${count === 1 ? 'character' : 'characters'} to go`
}
