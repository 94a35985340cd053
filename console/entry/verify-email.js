import { call } from '../shared/api.js'
import { readMe } from '../shared/me.js'
import { tokenOf } from '../shared/way.js'
import { stepCard } from './by-mail.js'

export const title = 'Confirm your e-mail address'

export function show() {
  return stepCard({
    about: 'So we can reach you when it matters.',
    submit: 'Confirm the address',
    token: 'verify-email',
    send: () => call('POST', '/auth/verify-email', { token: tokenOf('verify-email') ?? '' }),
    done: 'Your address is confirmed.',
    after: readMe,
  })
}
