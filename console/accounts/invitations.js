import { call, callForAll } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { rolesUpTo } from './roles.js'

export function invitationsCard(account, held) {
  const mayInvite = held.has('invitations.write')
  return liveCard('Invitations', {
    about: 'They go by mail, and are good for 72 hours.',
    read: () => callForAll(`/invitations?accountId=${account.id}`),
    show: ({ items }, refresh) => [
      rows(items, (one) => invitationRow(one, { mayInvite, refresh }), 'Nobody is invited.'),
      ...(mayInvite ? [inviteForm(account, refresh)] : []),
    ],
  })
}

function inviteForm({ id: accountId, role }, refresh) {
  const roles = rolesUpTo(role).map((value) => ({ value, text: value }))
  return form({
    fields: [
      field({
        ...{ name: 'email', label: 'E-mail', type: 'email', autocomplete: 'off' },
        ...{ spellcheck: false, maxLength: 254 },
      }),
      field({ name: 'role', label: 'Role', options: roles, value: 'member' }),
    ],
    submit: 'Invite',
    className: 'button',
    send: (given) => call('POST', '/invitations', { ...given, accountId }),
    done: ({ email }) => {
      tell(`An invitation to ${email} is on its way.`)
      return refresh()
    },
  })
}

function invitationRow({ id, email, role, status, sentAt, expiresAt }, { mayInvite, refresh }) {
  const isOpen = status === 'pending' || status === 'expired'
  const resend = act('Send again', {
    ...{ method: 'POST', path: `/invitations/${id}/resend`, label: `Send again to ${email}` },
    done: () => {
      tell(`A new link to ${email} is on its way.`)
      return refresh()
    },
  })
  return row(email, {
    badge: status,
    about: [[role ?? '', ', sent ', moment(sentAt), ', good until ', moment(expiresAt)]],
    actions:
      mayInvite && isOpen
        ? [resend, ...(status === 'pending' ? [cancelButton(id, email, refresh)] : [])]
        : [],
  })
}

function cancelButton(id, email, refresh) {
  return act('Take back', {
    ...{ method: 'DELETE', path: `/invitations/${id}`, className: 'danger', done: refresh },
    label: `Take back the invitation to ${email}`,
    before: () =>
      confirmed({
        title: 'Take this invitation back?',
        text: `The link that ${email} got will not work any more.`,
        yes: 'Take it back',
      }),
  })
}
