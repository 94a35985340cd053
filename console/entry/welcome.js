import { element } from '../shared/elements.js'
import { me } from '../shared/me.js'

export const title = 'You run this Gantry now'

export function show() {
  return element(
    'section',
    { className: 'card' },
    element(
      'p',
      {},
      element('strong', {}, me().email),
      ' is the first super-admin. The link has done its work and is gone from the address bar.',
    ),
    element(
      'ol',
      {},
      item(
        '#quick-start',
        'Take your first screenshot',
        ': three commands that sign you in as this user.',
      ),
      item('#security', 'Look after your sign-in', ': passkeys, backup codes, devices.'),
      item(
        '/api/docs',
        'Look through the API',
        '; paste an access token there to try each call from the page.',
      ),
      element('li', {}, 'Keep the password in a password manager: nobody can read it back to you.'),
    ),
  )
}

function item(href, text, rest) {
  return element('li', {}, element('a', { href }, text), rest)
}
