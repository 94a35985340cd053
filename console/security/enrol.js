import { call } from '../shared/api.js'
import { copyButton } from '../shared/copy.js'
import { element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { moment } from '../shared/words.js'
import { qrPicture } from './qr.js'

/** The steps to an authenticator app, after the API began them. @param done gets the backup codes */
export function enrolment({ secret, qrSvg, expiresAt }, done) {
  const shown = element('code', { className: 'secret' }, secret.match(/.{1,4}/g).join(' '))
  return element(
    'div',
    { className: 'enrolment' },
    qrPicture(qrSvg),
    element(
      'div',
      {},
      element(
        'p',
        {},
        'Let an authenticator app on your phone read this picture, or type the secret:',
      ),
      element(
        'p',
        { className: 'with-button' },
        shown,
        copyButton(() => secret, shown),
      ),
      form({
        fields: [
          field({
            ...{ name: 'code', label: 'Code that the app shows', inputMode: 'numeric' },
            ...{ autocomplete: 'one-time-code', maxLength: 7, spellcheck: false },
          }),
        ],
        submit: 'Confirm the code',
        send: ({ code }) => call('POST', '/auth/2fa/verify', { code: code.replaceAll(' ', '') }),
        done: ({ backupCodes }) => done(backupCodes),
      }),
      element('p', { className: 'hint' }, 'The code is awaited until ', moment(expiresAt), '.'),
    ),
  )
}
