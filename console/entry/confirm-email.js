import { call } from '../shared/api.js'
import { readMe } from '../shared/me.js'
import { tokenOf } from '../shared/way.js'
import { stepCard } from './by-mail.js'

export const title = 'Confirm your new e-mail address'

export function show() {
  return stepCard({
    about: 'From then on you sign in with it, and mails go there.',
    submit: 'Confirm the new address',
    token: 'confirm-email',
    send: () =>
      call('POST', '/auth/change-email/confirm', { token: tokenOf('confirm-email') ?? '' }),
    done: 'Your new address holds.',
    after: readMe,
  })
}
