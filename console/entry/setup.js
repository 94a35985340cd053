import { call } from '../shared/api.js'
import { element } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { isNow } from '../shared/me.js'
import { newPasswordField } from '../shared/password.js'
import { forgetToken, tokenOf } from '../shared/way.js'
import { nameFields } from './names.js'
import { emailField } from './sign-in.js'

export const title = 'Welcome: make the first super-admin'

export function show() {
  return element(
    'section',
    { className: 'card', 'aria-label': title },
    element(
      'p',
      {},
      'The link that brought you here works once, for 15 minutes. Whoever fills in this form runs the installation.',
    ),
    form({
      fields: [emailField(), newPasswordField({ label: 'Password' }), ...nameFields()],
      submit: 'Make the super-admin',
      send: (given) =>
        call('POST', '/auth/bootstrap', {
          ...given,
          token: tokenOf('setup') ?? '',
          session: 'cookie',
        }),
      done: async ({ user }) => {
        forgetToken('setup')
        history.replaceState(null, '', `${location.pathname}#welcome`)
        await isNow(user)
      },
    }),
  )
}
