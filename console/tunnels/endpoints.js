import { call } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { follow } from '../shared/follow.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { statusOf } from './status.js'

const EVERY_MS = 5_000

/** Where the tunnel leads, and how each of these is. */
export function endpointsCard(path, may) {
  const list = liveCard('Where it leads', {
    about:
      'The lowest priority that has a healthy endpoint takes the visitors, by weight; the others stand by.',
    read: () => call('GET', `${path}/endpoints`),
    show: ({ items }, refresh) =>
      rows(
        items,
        (one) => endpointRow(path, one, may, refresh),
        'Nowhere yet: its agent adds where it leads.',
      ),
  })
  follow(list, EVERY_MS, list.refresh)
  if (may) list.append(more(path, list.refresh))
  return list
}

function endpointRow(path, endpoint, may, refresh) {
  const { id, url, agent, priority, weight, healthStatus, healthMessage, lastHealthCheck } =
    endpoint
  return row(url, {
    badge: statusOf(healthStatus),
    about: [
      `by the agent ${agent}, priority ${priority}, weight ${weight}`,
      ...(healthMessage ? [healthMessage] : []),
      ...(lastHealthCheck ? [['Checked ', moment(lastHealthCheck)]] : []),
    ],
    actions: may ? [removeButton(`${path}/endpoints/${id}`, url, refresh)] : [],
  })
}

function removeButton(path, url, done) {
  return act('Remove', {
    ...{ method: 'DELETE', path, className: 'danger', label: `Remove ${url}`, done },
    before: () =>
      confirmed({
        title: 'Remove this endpoint?',
        text: `Nobody is led to ${url} any more.`,
        yes: 'Remove it',
      }),
  })
}

function more(path, refresh) {
  const number = { type: 'number', min: 0, max: 100, inputMode: 'numeric' }
  const made = form({
    fields: [
      field({
        ...{ name: 'url', label: 'Address of the service', type: 'url', spellcheck: false },
        hint: 'As its agent reaches it: http://127.0.0.1:3000 or tcp://127.0.0.1:5432.',
      }),
      field({ name: 'agent', label: 'Agent', value: 'default', maxLength: 63, spellcheck: false }),
      field({ ...number, name: 'priority', label: 'Priority', value: '0' }),
      field({ ...number, name: 'weight', label: 'Weight', value: '1' }),
    ],
    submit: 'Add it',
    className: 'button',
    send: ({ url, agent, priority, weight }) =>
      call('POST', `${path}/endpoints`, {
        ...{ url, agent, priority: Number(priority), weight: Number(weight) },
      }),
    done: () => {
      made.reset()
      return refresh()
    },
  })
  return element('details', {}, element('summary', {}, 'Add an endpoint'), made)
}
