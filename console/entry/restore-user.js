import { call } from '../shared/api.js'
import { tokenOf } from '../shared/way.js'
import { stepCard } from './by-mail.js'

export const title = 'Come back'

export function show() {
  return stepCard({
    about: 'Your user was to be deleted. This takes it back.',
    submit: 'Restore my user',
    token: 'restore-user',
    send: () => call('POST', '/users/me/restore', { token: tokenOf('restore-user') ?? '' }),
    done: 'You are back. Sign in as before.',
    more: { href: '#sign-in', text: 'Sign in' },
  })
}
