import { call, callForAll } from '../shared/api.js'
import { button, card, element, hint } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { follow } from '../shared/follow.js'
import { liveCard, row, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { bytes, counted } from '../shared/units.js'
import { commandLine } from './command.js'
import { tunnelStatus } from './status.js'

export const title = 'Tunnels'
const EVERY_MS = 5_000

export function show() {
  const fresh = element('div')
  const list = liveCard('Tunnels of this account', {
    about: 'A tunnel gives a service on your own machine a public address.',
    read: () => callForAll('/tunnels'),
    show: ({ items }) => rows(items, tunnelRow, 'No tunnel yet.'),
  })
  follow(list, EVERY_MS, list.refresh)
  return [fresh, list, sharedCard(), newTunnelPlace(fresh, list.refresh)]
}

function tunnelRow(tunnel) {
  const { id, name, url, metrics, links, kind } = tunnel
  const lines = [
    kind === 'http' ? element('a', { href: url }, url) : url,
    `${counted(metrics.requests, 'request')} and ${bytes(metrics.bytesIn + metrics.bytesOut)} in the last day, ${counted(links, 'link')}`,
  ]
  return row(element('a', { href: `#tunnel/${id}` }, name), {
    badge: tunnelStatus(tunnel),
    about: lines,
  })
}

/** Unseen unless there are any. */
function sharedCard() {
  const place = element('div')
  void call('GET', '/shared-tunnels?limit=100').then((answer) => {
    if (!answer.ok || answer.body.items.length === 0) return
    place.append(card('Shared with you', rows(answer.body.items, sharedRow, '')))
  })
  return place
}

function sharedRow({ id, name, url, kind, status, permission }) {
  const mayRead = permission !== 'use'
  return row(mayRead ? element('a', { href: `#tunnel/${id}` }, name) : name, {
    badge: permission,
    about: [kind === 'http' ? element('a', { href: url }, url) : url, status],
  })
}

function newTunnelPlace(fresh, refresh) {
  const place = element('div')
  void readPermissions().then(({ held }) => {
    if (!held.has('tunnels.write')) return
    const done = async (tunnel) => {
      fresh.replaceChildren(newTunnel(tunnel, () => fresh.replaceChildren()))
      fresh.querySelector('h2').focus()
      await refresh()
    }
    place.append(card('Make a tunnel', newTunnelForm(done)))
  })
  return place
}

const KINDS = [
  { value: 'http', text: 'HTTP: a website or an API' },
  { value: 'tcp', text: 'TCP: a database, SSH, anything else' },
]

function newTunnelForm(done) {
  const made = form({
    fields: [
      field({
        ...{ name: 'name', label: 'Name', optional: true, maxLength: 63, spellcheck: false },
        ...{ autocapitalize: 'none', autocomplete: 'off' },
        hint: 'The first part of its address. It stays with this account for ever; one is made up when empty.',
      }),
      field({ name: 'kind', label: 'What it carries', options: KINDS, value: 'http' }),
    ],
    submit: 'Make the tunnel',
    send: (given) => call('POST', '/tunnels', given),
    done: async (tunnel) => {
      made.reset()
      await done(tunnel)
    },
  })
  return made
}

function newTunnel(tunnel, close) {
  return card(
    `Your new tunnel: ${tunnel.name}`,
    element('p', {}, 'Its address is ', element('strong', {}, tunnel.url), '.'),
    hint('Run this where the service is, with the port that it listens on:'),
    commandLine(tunnel),
    element(
      'p',
      { className: 'actions' },
      element('a', { className: 'button primary', href: `#tunnel/${tunnel.id}` }, 'Look at it'),
      button('Close', close),
    ),
  )
}
