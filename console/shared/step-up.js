import { call, remedy } from './api.js'
import { openDialog } from './dialog.js'
import { button, element } from './elements.js'
import { field, form } from './form.js'
import { factorIsSetUp } from './me.js'
import { knowsPasskeys, usePasskey } from './passkey.js'
import { act } from './parts.js'
import { passwordField } from './password.js'
import { alertPlace, showProblem } from './problem.js'

let asking

/** From now on a call that asks for a fresh proof gets it from the person, and is made again. */
export function offerStepUp() {
  remedy('auth.step_up_required', () => prove({ password: true }))
  remedy('factor.use_own_first', () => prove({ password: false }))
  remedy('auth.second_factor_required', payDebt)
}

/** A sign-in by password alone whose person has a factor uses it; who has none sets one up. */
async function payDebt() {
  const { ok, body } = await call('GET', '/auth/2fa')
  if (!ok) return false
  if (body.enabled) {
    const proved = await prove({ password: false })
    if (proved) await factorIsSetUp()
    return proved
  }
  location.hash = '#second-factor'
  return false
}

/** One dialog at a time: several calls that ask at once share its answer. Resolves to whether there was a proof. */
function prove(by) {
  asking ??= ask(by).finally(() => (asking = undefined))
  return asking
}

async function ask({ password }) {
  const { ok, body } = await call('GET', '/auth/2fa')
  if (!ok) return false
  const ways = [
    password && 'password',
    (body.authenticatorApp || body.backupCodesLeft > 0) && 'code',
    body.passkeys.length > 0 && knowsPasskeys() && 'passkey',
  ].filter(Boolean)
  const providers = password ? await providersThatProve() : []
  const proved = await openDialog('Prove again that it is you', (close) => {
    const place = element('div')
    const show = (way) =>
      place.replaceChildren(...content(way, ways, { close, show }), ...providers)
    show(ways[0])
    return [element('p', {}, 'This needs a proof of the last 5 minutes.'), place]
  })
  return proved === true
}

/** A button for each provider that lets people sign in afresh; the person comes back to the page when that is done. */
async function providersThatProve() {
  const { ok, body } = await call('GET', '/auth/oauth')
  return ok ? body.items.filter(({ stepUp }) => stepUp).map(providerStep) : []
}

function providerStep({ id, name }) {
  const go = act(`Sign in again with ${name}`, {
    ...{ method: 'POST', path: `/auth/oauth/${encodeURIComponent(id)}/step-up`, body: {} },
    ...{ className: 'as-link', done: ({ authorizationUrl }) => location.assign(authorizationUrl) },
  })
  return element('div', {}, go)
}

function content(way, ways, { close, show }) {
  const others = ways
    .filter((other) => other !== way)
    .map((other) => button(OTHERS[other], () => turnTo(other, show), { className: 'as-link' }))
  const cancel = button('Cancel', () => close(false))
  const done = () => close(true)
  if (way === 'passkey') return [passkeyStep(done, cancel), ...others]
  const proof = way === 'password' ? passwordField() : codeField()
  const send = (given) => call('POST', '/auth/step-up', given)
  return [form({ fields: [proof], submit: 'Confirm', send, done, aside: [cancel] }), ...others]
}

const OTHERS = {
  password: 'Use the password',
  code: 'Use a code of your app, or a backup code',
  passkey: 'Use a passkey',
}

function turnTo(way, show) {
  show(way)
  document.querySelector('dialog :is(input, .primary)')?.focus()
}

function codeField() {
  return field({
    ...{ name: 'code', label: 'Code', autocomplete: 'one-time-code', spellcheck: false },
    hint: 'Six digits of your authenticator app, or one of your backup codes.',
  })
}

function passkeyStep(done, cancel) {
  const alert = alertPlace()
  const use = async () => {
    const given = await usePasskey('/auth/step-up/options')
    const answer = given.ok ? await call('POST', '/auth/step-up', { passkey: given.body }) : given
    if (answer.ok) return done()
    showProblem(alert, answer)
    alert.focus()
  }
  const start = button('Use a passkey', use, { className: 'primary' })
  return element('div', {}, alert, element('p', { className: 'actions' }, start, cancel))
}
