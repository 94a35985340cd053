import { call, callForAll } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { element, tell } from '../shared/elements.js'
import { me } from '../shared/me.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { alertPlace, showProblem } from '../shared/problem.js'
import { moment } from '../shared/words.js'
import { ROLES, rolesUpTo } from './roles.js'

export function membersCard({ id, name, role }, held) {
  const mayChange = held.has('members.write')
  return liveCard(`Members of ${name}`, {
    read: () => callForAll(`/accounts/${id}/members`),
    show: ({ items }, refresh) => {
      const change = { accountId: id, roles: mayChange ? rolesUpTo(role) : [], refresh }
      return rows(items, (member) => memberRow(member, change), 'Nobody is a member.')
    },
  })
}

function memberRow(member, { accountId, roles, refresh }) {
  const { userId, email, firstName, lastName, role, createdAt } = member
  const isMe = userId === me().id
  const mayChange = roles.includes(role)
  const path = `/accounts/${accountId}/members/${userId}`
  const name = [firstName, lastName].filter(Boolean).join(' ')
  return row(name || email, {
    badge: isMe && 'you',
    about: [
      ...(name ? [email] : []),
      [`${mayChange ? '' : `${role}, `}member since `, moment(createdAt)],
    ],
    actions: mayChange
      ? [
          roleSelect(member, { isMe, path, roles, refresh }),
          ...(isMe ? [] : [removeButton(email, path, refresh)]),
        ]
      : [],
  })
}

function roleSelect({ email, role }, { isMe, path, roles, refresh }) {
  const select = element(
    'select',
    { 'aria-label': `Role of ${email}` },
    ROLES.filter((one) => roles.includes(one)).map((one) => element('option', { value: one }, one)),
  )
  select.value = role
  select.addEventListener('change', async () => {
    if (isMe && !(await isSure(select.value))) return (select.value = role)
    const answer = await call('PATCH', path, { role: select.value })
    if (answer.ok) {
      tell(`${email} is ${select.value} now.`)
      return refresh()
    }
    select.value = role
    const alert = alertPlace()
    showProblem(alert, answer)
    const place = select.closest('li')
    place.querySelector(':scope > .alert')?.remove()
    place.append(alert)
    alert.focus()
  })
  return select
}

/** An arrow key is enough to choose another role, and nobody can give back to themselves what they gave away. */
function isSure(role) {
  return confirmed({
    title: `Be ${role} from now on?`,
    text: 'Only somebody else can give you your present role back.',
    yes: `Be ${role}`,
  })
}

function removeButton(email, path, refresh) {
  return act('Remove', {
    ...{ method: 'DELETE', path, className: 'danger', label: `Remove ${email}`, done: refresh },
    before: () =>
      confirmed({
        title: 'Remove this member?',
        text: `${email} does not act for the account any more, and the keys that they made for it end.`,
        yes: 'Remove',
      }),
  })
}
