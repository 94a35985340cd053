import { call } from '../shared/api.js'
import { button, card, element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { factorIsSetUp, owesFactor } from '../shared/me.js'
import { knowsPasskeys } from '../shared/passkey.js'
import { alertPlace, showProblem } from '../shared/problem.js'
import { goOn } from '../shared/way.js'
import { backupCodes } from './backup-codes.js'
import { enrolment } from './enrol.js'
import { newPasskeyForm } from './passkeys.js'

export const title = 'Set up a second factor'

/** Whoever must have a factor sees nothing else before they have one. */
export function show() {
  const place = element('div')
  void begin(place)
  return [owesFactor() && element('p', { className: 'banner' }, OWED), place].filter(Boolean)
}

const OWED =
  'Your role or your account demands a second factor. Set one up, and everything else opens.'

async function begin(place) {
  const { ok, body } = await call('GET', '/auth/2fa')
  const app = element('div')
  place.replaceChildren(
    card('Authenticator app', app),
    ...(knowsPasskeys() ? [passkeyCard(place)] : []),
  )
  if (ok && body.authenticatorApp) app.append(replaceForm(place, app))
  else if (owesFactor()) await enrol(place, app)
  else app.append(intro(), startButton(place, app))
}

function intro() {
  return element(
    'p',
    {},
    'An app on your phone shows a new code every 30 seconds; signing in asks for it.',
  )
}

function startButton(place, app) {
  return element(
    'p',
    { className: 'actions' },
    button('Set up an app', () => enrol(place, app), { className: 'primary' }),
  )
}

async function enrol(place, app) {
  const answer = await call('POST', '/auth/2fa/enroll', {})
  if (answer.ok) return app.replaceChildren(enrolment(answer.body, (codes) => keep(place, codes)))
  const alert = alertPlace()
  showProblem(alert, answer)
  app.replaceChildren(alert, startButton(place, app))
}

/** Who has an app shows it, or a backup code, before another takes its place. */
function replaceForm(place, app) {
  const code = field({
    ...{ name: 'code', label: 'Code of the app that you have', autocomplete: 'one-time-code' },
    hint: 'Or one of your backup codes. The old app counts until the new one is confirmed.',
  })
  return form({
    fields: [code],
    submit: 'Go on',
    send: (given) => call('POST', '/auth/2fa/enroll', given),
    done: (begun) => app.replaceChildren(enrolment(begun, (codes) => keep(place, codes))),
  })
}

function passkeyCard(place) {
  return card(
    'Passkey',
    element(
      'p',
      {},
      'Your device, or a key on your ring, signs you in after a touch or a PIN. It also works without a password.',
    ),
    newPasskeyForm((made) => (made.backupCodes ? keep(place, made.backupCodes) : finish())),
  )
}

function keep(place, codes) {
  const made = element('section', { className: 'card' }, backupCodes(codes, finish))
  place.replaceChildren(made)
}

async function finish() {
  await factorIsSetUp()
  goOn('security')
}
