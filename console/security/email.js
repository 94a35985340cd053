import { call } from '../shared/api.js'
import { card, element, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { me } from '../shared/me.js'
import { act } from '../shared/parts.js'
import { passwordField } from '../shared/password.js'

export function emailCard() {
  const { email, emailVerified } = me()
  return card(
    'E-mail address',
    element(
      'p',
      {},
      ...['You sign in as ', element('strong', {}, email), ' '],
      element(
        'span',
        { className: 'badge', 'data-status': emailVerified ? 'ok' : 'degraded' },
        emailVerified ? 'confirmed' : 'not confirmed',
      ),
    ),
    !emailVerified && element('p', { className: 'actions' }, resendButton()),
    form({
      fields: [newAddress(), passwordField()],
      submit: 'Change the address',
      send: (given) => call('POST', '/auth/change-email', given),
      done: (_answer, made) => {
        made.reset()
        tell('A link is on its way to the new address. Until it is followed, the old one holds.')
      },
    }),
  )
}

export function resendButton() {
  return act('Mail the link to confirm it again', {
    ...{ method: 'POST', path: '/auth/verify-email/resend' },
    done: () => tell('A mail is on its way.'),
  })
}

function newAddress() {
  return field({
    ...{ name: 'newEmail', label: 'New address', type: 'email', autocomplete: 'email' },
    ...{ spellcheck: false, maxLength: 254 },
  })
}
