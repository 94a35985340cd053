import { callForAll } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { follow } from '../shared/follow.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { counted, number } from '../shared/units.js'
import { moment } from '../shared/words.js'
import { statusOf } from '../tunnels/status.js'

export const title = 'Relays'
const EVERY_MS = 5_000

/** For operators: which relays there are, how they are, and how one is let go in order. */
export function show() {
  const list = liveCard('Relays', {
    about: 'They carry the traffic of tunnels. Every relay serves every tunnel.',
    read: readAll,
    show: ({ items, may }, refresh) =>
      rows(items, (relay) => relayRow(relay, may, refresh), 'No relay is up.'),
  })
  follow(list, EVERY_MS, list.refresh)
  return [list]
}

async function readAll() {
  const { held } = await readPermissions()
  const answer = await callForAll('/relays')
  if (!answer.ok) return answer
  const items = answer.body.items.filter(({ status }) => status !== 'stopped')
  return { ...answer, body: { items, may: held.has('relays.write') } }
}

function relayRow(relay, may, refresh) {
  const { name, provider, status, url, version, links, tunnels, connections } = relay
  const { lastBeatAt, errorMessage, drainReason } = relay
  return row(name, {
    badge: statusOf(status),
    about: [
      [provider, version ? ` ${version}` : '', url ? ` at ${url}` : ''].join(''),
      `${counted(links, 'link')}, ${counted(tunnels, 'tunnel')}, ${number(connections)} under way`,
      ...(lastBeatAt ? [['Heard of ', moment(lastBeatAt)]] : []),
      ...(errorMessage ? [errorMessage] : []),
      ...(drainReason ? [`Drains: ${drainReason}`] : []),
    ],
    actions: may ? actionsOf(relay, refresh) : [],
  })
}

function actionsOf({ id, name, status }, done) {
  const path = `/relays/${id}/drain`
  if (status === 'running') {
    const text = `Agents of ${name} move to other relays, and it takes nothing new. What is under way goes on.`
    return [
      act('Drain', {
        ...{ method: 'POST', path, label: `Drain ${name}`, done },
        before: () => confirmed({ title: 'Drain this relay?', text, yes: 'Drain it' }),
      }),
    ]
  }
  if (status !== 'draining') return []
  return [
    act('Take visitors again', {
      method: 'DELETE',
      path,
      label: `Let ${name} take visitors again`,
      done,
    }),
  ]
}
