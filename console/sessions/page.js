import { call, callForAll } from '../shared/api.js'
import { card, element } from '../shared/elements.js'
import { follow } from '../shared/follow.js'
import { field, form } from '../shared/form.js'
import { liveCard, row, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { moment } from '../shared/words.js'
import { isOpen, nameOf, sessionStatus } from './status.js'
import { tunnelsChoice } from './tunnels-choice.js'

export const title = 'Sessions'
const EVERY_MS = 4_000
const SHOWN = 50
const MOST_ACTIVE = 200

export function show() {
  const list = liveCard('Browsers of this account', {
    about:
      'Each is a browser of its own, and is wiped when it ends. Open one to watch it, and to take over.',
    read: readSessions,
    show: ({ items }) => [
      rows(items.filter(isOpen), sessionRow, 'No session is open.'),
      ...ended(items.filter((session) => !isOpen(session))),
    ],
  })
  follow(list, EVERY_MS, list.refresh)
  return [list, newSessionPlace()]
}

/** The newest, and with them all that are open, however old. */
async function readSessions() {
  const [newest, active] = await Promise.all([
    call('GET', `/sessions?limit=${SHOWN}`),
    callForAll('/sessions?status=active', { most: MOST_ACTIVE }),
  ])
  if (!newest.ok || !active.ok) return newest.ok ? active : newest
  const { items } = newest.body
  const known = new Set(items.map(({ id }) => id))
  const older = active.body.items.filter(({ id }) => !known.has(id))
  return { ...newest, body: { items: [...items, ...older] } }
}

function ended(items) {
  if (items.length === 0) return []
  return [element('h3', {}, 'Ended lately'), rows(items.slice(0, 10), sessionRow, '')]
}

function sessionRow(session) {
  const { id, currentUrl, createdAt, metadata } = session
  const labels = Object.entries(metadata).map(([name, value]) => `${name}: ${value}`)
  return row(element('a', { href: `#session/${id}` }, nameOf(session)), {
    badge: sessionStatus(session),
    about: [
      ...(currentUrl ? [currentUrl] : []),
      ['from ', moment(createdAt), labels.length > 0 ? `; ${labels.join(', ')}` : ''],
    ],
  })
}

function newSessionPlace() {
  const place = element('div')
  void readPermissions().then(async (permissions) => {
    if (!permissions.held.has('sessions.write')) return
    place.append(card('Start a browser', newSessionForm(await tunnelsChoice(permissions))))
  })
  return place
}

function newSessionForm(choice) {
  const behind = choice ? ' One behind a tunnel is http://name.tunnel/.' : ''
  return form({
    fields: [
      field({
        ...{ name: 'url', label: 'Address of its first page', type: 'url', optional: true },
        ...{ autocomplete: 'off', spellcheck: false },
        hint: `With https:// or http://. Addresses that are not public are refused unless the operator has opened them.${behind}`,
      }),
      ...(choice ? [choice] : []),
    ],
    submit: 'Start it',
    send: start,
    done: ({ id }) => (location.hash = `#session/${id}`),
  })
}

/**
 * The page is gone to once the browser is there; what comes of that is seen in its live view. Without one, a session with one tunnel
 * shows what is behind that.
 */
async function start({ url, tunnels = [] }) {
  const given = tunnels.length > 0 ? { tunnels } : {}
  const answer = await call('POST', '/sessions', { queueTimeoutSeconds: 20, ...given })
  if (!answer.ok) return answer
  const { id, tunnels: open = [] } = answer.body
  const first = url ?? (open.length === 1 ? open[0].url : undefined)
  if (first) void call('POST', `/sessions/${id}/navigate`, { url: first })
  return answer
}
