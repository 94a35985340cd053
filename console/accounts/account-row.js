import { confirmed } from '../shared/dialog.js'
import { button } from '../shared/elements.js'
import { actFor, me, readMe } from '../shared/me.js'
import { act, row } from '../shared/parts.js'

export function accountRow(account, refresh) {
  const { id, name, kind, tier, role } = account
  const isActing = id === me().accountId
  return row(name, {
    badge: isActing && 'you act for it',
    about: [[kind, `tier ${tier}`, role && `you are ${role}`].filter(Boolean).join(', ')],
    actions: [
      ...(isActing ? [] : [switchButton(id, name)]),
      ...(role && kind !== 'personal' ? [leaveButton(account, { isActing, refresh })] : []),
    ],
  })
}

function switchButton(id, name) {
  const made = button('Act for it', () => actFor(id))
  made.setAttribute('aria-label', `Act for ${name}`)
  return made
}

function leaveButton({ id, name }, { isActing, refresh }) {
  return act('Leave', {
    ...{ method: 'DELETE', path: `/accounts/${id}/members/me`, className: 'danger' },
    label: `Leave ${name}`,
    before: () =>
      confirmed({
        title: `Leave ${name}?`,
        text: 'Your keys there are revoked for good. To come back you must be invited again.',
        yes: 'Leave',
      }),
    done: async () => {
      await (isActing ? actFor(undefined) : readMe())
      await refresh()
    },
  })
}
