import { call } from '../shared/api.js'
import { stepCard } from './by-mail.js'
import { emailField } from './sign-in.js'

export const title = 'Choose a new password'

export function show() {
  return stepCard({
    about: 'We mail you a link, if a user has this address.',
    fields: [emailField()],
    submit: 'Mail the link',
    send: (given) => call('POST', '/auth/forgot-password', given),
    done: 'Look into your mail: if a user has this address, a link is on its way. It works for 30 minutes.',
    more: { href: '#sign-in', text: 'Back to signing in' },
  })
}
