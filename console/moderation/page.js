import { call } from '../shared/api.js'
import { openDialog } from '../shared/dialog.js'
import { button, card, element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { counted } from '../shared/units.js'
import { moment } from '../shared/words.js'
import { tunnelStatus } from '../tunnels/status.js'

export const title = 'Moderation'
const WHICH = [
  { value: 'all', text: 'All' },
  { value: 'true', text: 'Suspended' },
]

/** For operators: whose tunnel is at an address, and what keeps it from serving. */
export function show() {
  let query = 'limit=50'
  const list = liveCard('Tunnels of all accounts', {
    about: 'The newest 50 that fit. A suspended tunnel serves nobody until that is lifted.',
    read: () => readTunnels(query),
    show: ({ items, may }, refresh) =>
      rows(items, (one) => tunnelRow(one, may, refresh), 'No tunnel fits.'),
  })
  const search = form({
    fields: [
      field({
        ...{ name: 'hostname', label: 'Address', optional: true, maxLength: 253 },
        ...{ autocapitalize: 'none', autocomplete: 'off', spellcheck: false },
        hint: 'The host name that visitors see, such as shop.tunnels.example.com.',
      }),
      field({ name: 'suspended', label: 'Which', options: WHICH, value: 'all' }),
    ],
    submit: 'Find',
    send: async ({ hostname, suspended }) => {
      query = queryOf({ hostname, suspended })
      return readTunnels(query)
    },
    done: () => list.refresh(),
  })
  return [card('Find a tunnel', search), list]
}

function queryOf({ hostname, suspended }) {
  return new URLSearchParams({
    ...{ limit: '50' },
    ...(hostname && { hostname }),
    ...(suspended !== 'all' && { suspended }),
  }).toString()
}

async function readTunnels(query) {
  const [{ held }, answer] = await Promise.all([
    readPermissions(),
    call('GET', `/admin/tunnels?${query}`),
  ])
  if (!answer.ok) return answer
  return { ...answer, body: { ...answer.body, may: held.has('moderation.write') } }
}

function tunnelRow(tunnel, may, refresh) {
  const { name, url, domains, accountId, links, createdAt, suspension } = tunnel
  return row(name, {
    badge: tunnelStatus(tunnel),
    about: [
      [url, ...domains].join(', '),
      [
        'Of ',
        element('code', {}, accountId),
        ', made ',
        moment(createdAt),
        `, ${counted(links, 'link')}`,
      ],
      ...(suspension ? [['Suspended ', moment(suspension.at), `: ${suspension.reason}`]] : []),
    ],
    actions: may ? [suspension ? lift(tunnel, refresh) : suspend(tunnel, refresh)] : [],
  })
}

function lift({ id, name }, done) {
  return act('Lift the suspension', {
    ...{ method: 'DELETE', path: `/admin/tunnels/${id}/suspension`, done },
    label: `Lift the suspension of ${name}`,
  })
}

function suspend(tunnel, refresh) {
  const label = `Suspend ${tunnel.name}`
  const ask = async () => {
    if (await askReason(tunnel)) await refresh()
  }
  return button('Suspend…', ask, { className: 'danger', ariaLabel: label })
}

function askReason({ id, name }) {
  return openDialog(`Suspend ${name}?`, (close) => [
    element(
      'p',
      {},
      'Visitors are cut off at once, and its account can neither start nor delete it until you lift this.',
    ),
    form({
      fields: [
        field({
          ...{ name: 'reason', label: 'Why', maxLength: 500, autocomplete: 'off' },
          hint: 'Its account reads this; visitors do not.',
        }),
      ],
      submit: 'Suspend it',
      className: 'danger',
      send: (given) => call('PUT', `/admin/tunnels/${id}/suspension`, given),
      done: () => close(true),
      aside: [button('Cancel', () => close(false))],
    }),
  ])
}
