import { call } from '../shared/api.js'
import { openDialog } from '../shared/dialog.js'
import { button, element, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { backupCodes } from './backup-codes.js'

/** @param changed reads again what a change of factors touches */
export function factorsCard(changed) {
  return liveCard('Second factor', {
    about: 'What is asked for beside the password, so that the password alone lets nobody in.',
    read: () => call('GET', '/auth/2fa'),
    show: (state) => [status(state), list(state, changed)],
  })
}

function status({ enabled, required }) {
  return element(
    'p',
    {},
    element(
      'span',
      { className: 'badge', 'data-status': enabled ? 'ok' : 'degraded' },
      enabled ? 'on' : 'off',
    ),
    required ? ' Your role or your account demands one.' : '',
  )
}

function list({ authenticatorApp, backupCodesLeft, enabled }, changed) {
  const items = [
    appRow(authenticatorApp, changed),
    ...(enabled ? [codesRow(backupCodesLeft, changed)] : []),
  ]
  return rows(items, (made) => made)
}

function appRow(app, changed) {
  if (!app) {
    const link = element('a', { className: 'button primary', href: '#second-factor' }, 'Set up')
    return row('Authenticator app', { about: ['Not set up.'], actions: [link] })
  }
  return row('Authenticator app', {
    about: [['Set up ', moment(app.createdAt)]],
    actions: [
      element('a', { className: 'button', href: '#second-factor' }, 'Replace'),
      button('Turn off', () => turnOff(changed), { className: 'danger' }),
    ],
  })
}

async function turnOff(changed) {
  const code = field({
    ...{ name: 'code', label: 'Code', autocomplete: 'one-time-code', spellcheck: false },
    hint: 'Six digits of the app, or one of your backup codes.',
  })
  const isOff = await openDialog('Turn off the authenticator app', (close) =>
    form({
      ...{ fields: [code], submit: 'Turn off', className: 'danger' },
      send: (given) => call('POST', '/auth/2fa/disable', given),
      done: () => close(true),
      aside: [button('Cancel', () => close(false))],
    }),
  )
  if (!isOff) return
  tell('The authenticator app is turned off.')
  await changed()
}

function codesRow(left, changed) {
  const place = element('div')
  const regenerate = act('Make new ones', {
    ...{ method: 'POST', path: '/auth/2fa/backup/regenerate' },
    done: (body) => place.replaceChildren(backupCodes(body.backupCodes, changed)),
  })
  const made = row('Backup codes', {
    about: [left === 0 ? 'None left.' : `${left} left. New ones end those.`],
    actions: [regenerate],
  })
  made.append(place)
  return made
}
