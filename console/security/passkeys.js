import { call } from '../shared/api.js'
import { confirmed, openDialog } from '../shared/dialog.js'
import { element, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { knowsPasskeys, makePasskey } from '../shared/passkey.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { backupCodes } from './backup-codes.js'

/** @param changed reads again what a change of factors touches */
export function passkeysCard(changed) {
  return liveCard('Passkeys', {
    about: 'They sign in without a password, and nobody can be tricked into telling one.',
    read: () => call('GET', '/auth/passkeys'),
    show: ({ items }) => [
      rows(items, (passkey) => passkeyRow(passkey, changed), 'No passkey yet.'),
      knowsPasskeys()
        ? newPasskeyForm((made) => arrived(made, changed))
        : element('p', { className: 'hint' }, 'This browser does not know passkeys.'),
    ],
  })
}

/** @param done gets the new passkey, with backup codes when it is the first factor */
export function newPasskeyForm(done) {
  const name = field({
    ...{ name: 'name', label: 'Name of the new passkey', maxLength: 100 },
    hint: 'To tell it by: blue key, work laptop.',
  })
  return form({
    ...{ fields: [name], submit: 'Add a passkey', className: 'button' },
    send: (given) => makePasskey(given.name),
    done,
  })
}

async function arrived({ name, backupCodes: codes }, changed) {
  tell(`The passkey “${name}” is added.`)
  if (codes) {
    await openDialog('Your first second factor', (close) => backupCodes(codes, () => close(true)))
  }
  await changed()
}

function passkeyRow({ id, name, isSynced, createdAt, lastUsedAt }, changed) {
  const remove = act('Remove', {
    ...{ method: 'DELETE', path: `/auth/passkeys/${id}`, className: 'danger' },
    label: `Remove ${name}`,
    before: () =>
      confirmed({
        title: 'Remove this passkey?',
        text: `“${name}” will not sign you in any more.`,
        yes: 'Remove it',
      }),
    done: changed,
  })
  return row(name, {
    badge: isSynced && 'synced',
    about: [
      [
        'Added ',
        moment(createdAt),
        lastUsedAt ? [', used ', moment(lastUsedAt)] : ', not used yet',
      ].flat(),
    ],
    actions: [remove],
  })
}
