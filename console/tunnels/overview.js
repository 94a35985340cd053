import { call } from '../shared/api.js'
import { copyButton } from '../shared/copy.js'
import { openDialog } from '../shared/dialog.js'
import { button, element, hint, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { follow } from '../shared/follow.js'
import { act } from '../shared/parts.js'
import { counted } from '../shared/units.js'
import { moment } from '../shared/words.js'
import { commandLine } from './command.js'
import { tunnelStatus } from './status.js'

const EVERY_MS = 3_000

/** Where a tunnel is, how it is, and what can be done with all of it. */
export function overview(path, tunnel, refresh) {
  const { url, kind, permission, started, suspension } = tunnel
  const address = kind === 'http' ? element('a', { href: url }, url) : element('code', {}, url)
  const status = element('p', { className: 'live', role: 'status' }, ...statusLine(tunnel))
  follow(status, EVERY_MS, () => refreshStatus(path, status))
  return [
    element(
      'p',
      { className: 'with-button address' },
      address,
      copyButton(() => url, address, { ariaLabel: 'Copy the address' }),
    ),
    status,
    ...(permission === 'read' ? [] : [hint('Where the service is:'), commandLine(tunnel)]),
    permission === 'read' || suspension
      ? ''
      : element(
          'p',
          { className: 'actions' },
          act(started ? 'Stop' : 'Start', {
            ...{ method: 'POST', path: `${path}/${started ? 'stop' : 'start'}`, done: refresh },
          }),
          permission === 'own'
            ? button('Delete…', () => remove(path, tunnel), { className: 'danger' })
            : '',
        ),
  ]
}

function statusLine(tunnel) {
  const { statusSince, links, errorMessage, domains, suspension } = tunnel
  if (suspension) {
    return [
      element('strong', {}, tunnelStatus(tunnel)),
      ...[' by whoever runs this Gantry since ', moment(suspension.at), `: ${suspension.reason}`],
    ]
  }
  return [
    element('strong', {}, tunnelStatus(tunnel)),
    ...[' since ', moment(statusSince), `, ${counted(links, 'link')}`],
    errorMessage ? `: ${errorMessage}` : '',
    domains.length > 0 ? `; also at ${domains.join(', ')}` : '',
  ]
}

/** Only news is told: whoever listens to the page hears each change once. */
async function refreshStatus(path, place) {
  const answer = await call('GET', path)
  if (!answer.ok) return
  const line = element('p', {}, ...statusLine(answer.body))
  if (line.textContent !== place.textContent) place.replaceChildren(...line.childNodes)
}

/** Asks for its name, since nobody can undo it. */
async function remove(path, { name }) {
  const gone = await openDialog(`Delete ${name}?`, (close) => [
    element(
      'p',
      {},
      'Visitors are cut off at once. The name stays with this account; settings, shares and history go.',
    ),
    form({
      fields: [
        field({
          ...{ name: 'name', label: `Type ${name} to delete it` },
          ...{ autocomplete: 'off', spellcheck: false, autocapitalize: 'none' },
        }),
      ],
      submit: 'Delete it',
      className: 'danger',
      send: (given) =>
        given.name === name
          ? call('DELETE', path)
          : {
              ok: false,
              status: 400,
              body: { errors: [{ path: 'body.name', message: 'that is not its name' }] },
            },
      done: () => close(true),
      aside: [button('Cancel', () => close(false))],
    }),
  ])
  if (!gone) return
  tell(`${name} is deleted.`)
  location.hash = '#tunnels'
}
