import { call } from '../shared/api.js'
import { confirmed, openDialog } from '../shared/dialog.js'
import { button } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { act, row } from '../shared/parts.js'
import { moment } from '../shared/words.js'

const ENDED = new Set(['expired', 'revoked'])

/** One key, without its secret; who made it may replace it, and who may revoke does. */
export function keyRow(key, { refresh, isOwn, permissions, onNew }) {
  const { id, name, prefix, status, scopes, mode, allowedAddresses, overlapEndsAt } = key
  const isOver = ENDED.has(status)
  const mayRevoke = isOwn ? permissions.has('keys.write') : permissions.has('keys.revoke')
  const mayRotate = isOwn && status === 'active' && permissions.has('keys.write')
  return row(name, {
    badge: `${status}${mode === 'test' ? ', test' : ''}`,
    about: [
      [`${prefix}…  ${scopes.join(', ')}`],
      usage(key),
      ...(overlapEndsAt && !isOver ? [['Replaced; counts until ', moment(overlapEndsAt)]] : []),
      ...(allowedAddresses.length > 0 ? [`From ${allowedAddresses.join(', ')}`] : []),
    ],
    actions: [
      ...(mayRotate
        ? [button('Replace', () => rotate(key, onNew), { ariaLabel: `Replace ${name}` })]
        : []),
      ...(mayRevoke && !isOver ? [revokeButton(id, name, refresh)] : []),
    ],
  })
}

function usage({ createdAt, expiresAt, lastUsedAt, lastUsedIp }) {
  const used = lastUsedAt
    ? [', used ', moment(lastUsedAt), ` from ${lastUsedIp}`]
    : [', not used yet']
  return ['Made ', moment(createdAt), ...used, ', ends ', moment(expiresAt)]
}

function revokeButton(id, name, refresh) {
  return act('Revoke', {
    ...{ method: 'DELETE', path: `/api-keys/${id}`, className: 'danger' },
    label: `Revoke ${name}`,
    before: () =>
      confirmed({
        title: 'Revoke this key?',
        text: `“${name}” counts nowhere any more, and never again.`,
        yes: 'Revoke it',
      }),
    done: refresh,
  })
}

const OVERLAPS = [
  { value: '0', text: 'ends at once' },
  { value: '3600', text: 'counts for an hour' },
  { value: '86400', text: 'counts for a day' },
  { value: '604800', text: 'counts for a week' },
]

async function rotate({ id, name }, onNew) {
  const fresh = await openDialog(`Replace “${name}”`, (close) =>
    form({
      fields: [
        field({ name: 'overlapSeconds', label: 'The old key', options: OVERLAPS, value: '86400' }),
      ],
      submit: 'Replace it',
      send: ({ overlapSeconds }) =>
        call('POST', `/api-keys/${id}/rotate`, { overlapSeconds: Number(overlapSeconds) }),
      done: close,
      aside: [button('Cancel', () => close(undefined))],
    }),
  )
  if (fresh) await onNew(fresh)
}
