import { call, callForAll } from '../shared/api.js'
import { card, element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { me } from '../shared/me.js'
import { liveCard, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { accountRow } from './account-row.js'
import { invitationsCard } from './invitations.js'
import { membersCard } from './members.js'

export const title = 'Accounts and members'

export function show() {
  const list = liveCard('Accounts', {
    about: 'You act for one account at a time, in this tab.',
    read: () => callForAll('/accounts'),
    show: ({ items }, refresh) =>
      rows(items, (account) => accountRow(account, refresh), 'No account.'),
  })
  const place = element('div')
  void showAccount(place)
  return [list, place, me().impersonatedBy ? '' : foundCard(list.refresh)]
}

/** Who is in the account that the person acts for. */
async function showAccount(place) {
  const { held } = await readPermissions()
  const account = await call('GET', `/accounts/${me().accountId}`)
  if (!account.ok) return
  place.append(membersCard(account.body, held))
  if (held.has('invitations.read')) place.append(invitationsCard(account.body, held))
}

function foundCard(refresh) {
  const made = form({
    fields: [field({ name: 'name', label: 'Name of the new account', maxLength: 100 })],
    submit: 'Found an account',
    className: 'button',
    send: (given) => call('POST', '/accounts', given),
    done: () => {
      made.reset()
      return refresh()
    },
  })
  return card('Another account', made)
}
