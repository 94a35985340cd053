import { call } from '../shared/api.js'
import { card, tell } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { isNow } from '../shared/me.js'
import { newPasswordField, passwordField } from '../shared/password.js'
import { goTo } from '../shared/way.js'

export function passwordCard() {
  return card(
    'Password',
    form({
      fields: [
        passwordField({ name: 'currentPassword', label: 'Present password' }),
        newPasswordField({ name: 'newPassword' }),
      ],
      submit: 'Change the password',
      send: (given) => call('POST', '/auth/change-password', given),
      done: async ({ user }) => {
        await isNow(user)
        goTo('security')
        tell('Your new password holds. All other devices are signed out.')
      },
    }),
  )
}
