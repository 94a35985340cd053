import { call } from '../shared/api.js'
import { newPasswordField } from '../shared/password.js'
import { tokenOf } from '../shared/way.js'
import { stepCard } from './by-mail.js'

export const title = 'Choose a new password'

export function show() {
  return stepCard({
    about: 'All your devices will be signed out.',
    fields: [newPasswordField()],
    submit: 'Set the password',
    token: 'reset-password',
    send: (given) =>
      call('POST', '/auth/reset-password', { ...given, token: tokenOf('reset-password') ?? '' }),
    done: 'Your new password holds. Sign in with it.',
    more: { href: '#sign-in', text: 'Sign in' },
  })
}
