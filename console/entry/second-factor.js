import { call } from '../shared/api.js'
import { button, element } from '../shared/elements.js'
import { field, form, tick } from '../shared/form.js'
import { isNow } from '../shared/me.js'
import { knowsPasskeys, usePasskey } from '../shared/passkey.js'
import { alertPlace, clear, showProblem } from '../shared/problem.js'
import { moment } from '../shared/words.js'
import { goTo } from '../shared/way.js'

/** The second step of a sign-in: its challenge is kept nowhere but here. */
export function askSecondFactor({ challengeId, methods, expiresAt }) {
  const remember = tick({
    name: 'rememberDevice',
    label: 'Do not ask on this device for 30 days',
  })
  const finish = { challengeId, session: 'cookie' }
  const parts = [
    element('h2', { tabIndex: -1 }, 'Your second factor'),
    methods.some((way) => way !== 'passkey') && codeForm(methods, finish, remember),
    methods.includes('passkey') && knowsPasskeys() && passkeyPart(finish, remember),
    element(
      'p',
      { className: 'hint' },
      ...['This sign-in can be finished until ', moment(expiresAt), '. '],
      button('Start again', () => goTo('sign-in'), { className: 'as-link' }),
    ),
  ].filter(Boolean)
  queueMicrotask(() => parts[1].querySelector('input, button')?.focus())
  return parts
}

const SHAPES = {
  totp: 'six digits of your authenticator app',
  backup_code: 'one of your backup codes',
}

function codeForm(methods, finish, remember) {
  const shapes = methods.flatMap((way) => SHAPES[way] ?? []).join(', or ')
  const code = field({
    ...{ name: 'code', label: 'Code', autocomplete: 'one-time-code', spellcheck: false },
    hint: `${shapes[0].toUpperCase()}${shapes.slice(1)}.`,
  })
  const send = ({ code: typed, rememberDevice }) => {
    const code = typed.trim().replaceAll(' ', '')
    const path = /^\d{6}$/.test(code) ? '/auth/2fa/verify' : '/auth/2fa/backup/verify'
    return call('POST', path, { ...finish, code, rememberDevice })
  }
  return form({ fields: [code, remember], submit: 'Sign in', send, done: arrive })
}

function passkeyPart(finish, remember) {
  const alert = alertPlace()
  const start = button('Use a passkey', async () => {
    clear(alert)
    const { challengeId } = finish
    const given = await usePasskey('/auth/passkeys/login/options', { challengeId })
    const body = { ...finish, passkey: given.body, rememberDevice: remember.value() }
    const answer = given.ok ? await call('POST', '/auth/2fa/verify', body) : given
    if (answer.ok) return arrive(answer.body)
    showProblem(alert, answer)
    alert.focus()
  })
  return element('div', { className: 'ways' }, alert, start)
}

async function arrive({ user, backupCodesLeft }) {
  await isNow(user)
  if (backupCodesLeft !== undefined) goTo('security')
}
