import { call } from '../shared/api.js'
import { element, tell } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { isNow } from '../shared/me.js'
import { newPasswordField } from '../shared/password.js'
import { nameFields } from './names.js'
import { emailField } from './sign-in.js'

export const title = 'Make an account'

export function show() {
  return element(
    'section',
    { className: 'card', 'aria-label': title },
    form({
      fields: [emailField(), newPasswordField({ label: 'Password' }), ...nameFields()],
      submit: 'Make the account',
      send: (given) => call('POST', '/auth/register', { ...given, session: 'cookie' }),
      done: async ({ user }) => {
        await isNow(user)
        if (!user.emailVerified) tell('Welcome. A mail to confirm your address is on its way.')
      },
    }),
    element(
      'p',
      { className: 'more' },
      element('a', { href: '#sign-in' }, 'Sign in with the account that you have'),
    ),
  )
}
