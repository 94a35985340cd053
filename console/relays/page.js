import { callForAll } from '../shared/api.js'
import { element } from '../shared/elements.js'
import { confirmed } from '../shared/dialog.js'
import { follow } from '../shared/follow.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { counted, number } from '../shared/units.js'
import { moment } from '../shared/words.js'
import { statusOf } from '../tunnels/status.js'
import { settingsCard } from './settings.js'
import { startCard } from './start.js'

export const title = 'Relays'
const EVERY_MS = 5_000

/** For operators: which relays there are, how they are, how many there are to be, and how one comes and goes in order. */
export function show() {
  const list = liveCard('Relays', {
    about: 'They carry the traffic of tunnels. Every relay serves every tunnel.',
    read: readAll,
    show: ({ items, may }, refresh) =>
      rows(items, (relay) => relayRow(relay, may, refresh), 'No relay is up.'),
  })
  follow(list, EVERY_MS, list.refresh)
  return [list, changesPlace(list.refresh)]
}

function changesPlace(refresh) {
  const place = element('div')
  void readPermissions().then(({ held }) => {
    if (held.has('relays.write')) place.append(startCard(refresh), settingsCard())
  })
  return place
}

async function readAll() {
  const { held } = await readPermissions()
  const answer = await callForAll('/relays')
  if (!answer.ok) return answer
  const items = answer.body.items.filter(isThere)
  return { ...answer, body: { items, may: held.has('relays.write') } }
}

/** The one of the control plane stays when it is stopped: its process lives, and can take it up again. */
function isThere({ status, provider, drainReason }) {
  return status !== 'stopped' || (provider === 'builtin' && drainReason !== undefined)
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

function actionsOf(relay, done) {
  const { id, name, status, drainReason } = relay
  const path = `/relays/${id}/drain`
  if (status === 'running') return [drain(relay, done), stop(relay, done)]
  if (status === 'starting') return [stop(relay, done)]
  if (status === 'stopped') return startAgain(relay, done)
  if (status === 'error') return [...startAgain(relay, done), stop(relay, done)]
  const takeBack = act('Take visitors again', {
    ...{ method: 'DELETE', path, label: `Let ${name} take visitors again`, done },
  })
  return [takeBack, ...(drainReason === 'stopping' ? [] : [stop(relay, done)])]
}

function drain({ id, name }, done) {
  const text = `Agents of ${name} move to other relays, and it takes nothing new. What is under way goes on.`
  return act('Drain', {
    ...{ method: 'POST', path: `/relays/${id}/drain`, label: `Drain ${name}`, done },
    before: () => confirmed({ title: 'Drain this relay?', text, yes: 'Drain it' }),
  })
}

function stop({ id, name }, done) {
  const text = `Agents of ${name} move to other relays. It ends once nothing is under way, in 5 minutes at the latest.`
  return act('Stop', {
    ...{ method: 'POST', path: '/proxy/stop', body: { relayId: id }, done },
    ...{ label: `Stop ${name}`, className: 'danger' },
    before: () => confirmed({ title: 'Stop this relay?', text, yes: 'Stop it' }),
  })
}

/** One that has joined by itself is started where it runs. */
function startAgain({ id, name, provider }, done) {
  if (provider === 'joined') return []
  const given = { method: 'POST', path: '/proxy/start', body: { relayId: id }, done }
  return [act('Start again', { ...given, label: `Start ${name} again` })]
}
