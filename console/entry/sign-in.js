import { call } from '../shared/api.js'
import { button, element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { knowsPasskeys, usePasskey } from '../shared/passkey.js'
import { passwordField } from '../shared/password.js'
import { alertPlace, clear, showProblem } from '../shared/problem.js'
import { enter } from './enter.js'
import { providerLinks } from './providers.js'

export const title = 'Sign in'

export function show() {
  const place = element('div')
  place.append(...password(place))
  return element('section', { className: 'card', 'aria-label': title }, place)
}

export function emailField() {
  return field({
    ...{ name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username' },
    ...{ spellcheck: false, maxLength: 254 },
  })
}

function password(place) {
  return [
    form({
      fields: [emailField(), passwordField()],
      submit: 'Sign in',
      send: (given) => call('POST', '/auth/login', { ...given, session: 'cookie' }),
      done: (answer) => enter(answer, place),
    }),
    ...(knowsPasskeys() ? [element('p', { className: 'or' }, 'or'), passkey(place)] : []),
    providerLinks(),
    element(
      'p',
      { className: 'more' },
      element('a', { href: '#forgot-password' }, 'Forgot your password?'),
      element('a', { href: '#register' }, 'Make an account'),
    ),
  ]
}

function passkey(place) {
  const alert = alertPlace()
  const start = button('Sign in with a passkey', async () => {
    clear(alert)
    const given = await usePasskey('/auth/passkeys/login/options', {})
    const body = { response: given.body, session: 'cookie' }
    const answer = given.ok ? await call('POST', '/auth/passkeys/login', body) : given
    if (answer.ok) return enter(answer.body, place)
    showProblem(alert, answer)
    alert.focus()
  })
  return element('div', { className: 'ways' }, alert, start)
}
