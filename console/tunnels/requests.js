import { call } from '../shared/api.js'
import { openDialog } from '../shared/dialog.js'
import { button, element, hint, tell } from '../shared/elements.js'
import { follow } from '../shared/follow.js'
import { liveCard, row, rows } from '../shared/parts.js'
import { bytes, milliseconds } from '../shared/units.js'
import { moment } from '../shared/words.js'
import { requestDetails } from './request-details.js'

const EVERY_MS = 4_000
const SHOWN = 20

/** The last requests, why each went where it went, and one of them again. */
export function requestsCard(path, { config, kind }, may) {
  const about = config.inspector.enabled
    ? 'With headers and the beginnings of bodies, without secrets.'
    : 'Turn the inspector on below to keep headers and bodies, and to make requests again.'
  const list = liveCard(kind === 'tcp' ? 'Last connections' : 'Last requests', {
    about,
    read: () => call('GET', `${path}/requests?limit=${SHOWN}`),
    show: ({ items, silentRelays }, refresh) =>
      [
        rows(items, (one) => requestRow(path, one, may, refresh), 'Nobody has come yet.'),
        silentRelays.length > 0 && hint(`No answer from ${silentRelays.join(', ')}.`),
      ].filter(Boolean),
  })
  follow(list, EVERY_MS, list.refresh)
  return list
}

function requestRow(path, request, may, refresh) {
  const { method, path: target, kind, status, outcome, visitor, startedAtMs, totalMs } = request
  const title =
    kind === 'tcp' ? 'TCP connection' : `${kind === 'socket' ? 'WebSocket' : method} ${target}`
  const result = outcome === 'answered' ? String(status ?? '') : outcome
  return row(title, {
    badge: element('span', { 'data-status': gradeOf(request) }, result),
    about: [
      [
        moment(new Date(startedAtMs).toISOString()),
        `, ${milliseconds(totalMs)}, ${bytes(request.bytesOut)}, from ${visitor}`,
      ],
    ],
    actions: [
      button('Details', () => openDetails(path, request, may, refresh), {
        ariaLabel: `Details of ${title}`,
      }),
    ],
  })
}

function gradeOf({ outcome, status = 0 }) {
  if (outcome !== 'answered' || status >= 500) return 'failing'
  return status >= 400 ? 'degraded' : 'ok'
}

async function openDetails(path, seen, may, refresh) {
  const answer = await call('GET', `${path}/requests/${seen.id}`)
  if (!answer.ok) return tell(answer.body.title)
  const again = await openDialog('Request', (close) => [
    requestDetails(answer.body),
    element(
      'p',
      { className: 'actions' },
      may && seen.kind === 'request' ? button('Make it again', () => close(true)) : '',
      button('Close', () => close(false)),
    ),
  ])
  if (again) await replay(path, seen, refresh)
}

async function replay(path, { id }, refresh) {
  let answer = await call('POST', `${path}/requests/${id}/replay`)
  if (answer.body.code === 'tunnel.request_not_replayable' && (await sure(answer.body))) {
    answer = await call('POST', `${path}/requests/${id}/replay`, { withoutSecrets: true })
  }
  tell(answer.ok ? 'It was made again.' : (answer.body.detail ?? answer.body.title))
  if (answer.ok) await refresh()
}

/** Some can be made without what was not kept of them. */
async function sure({ detail }) {
  const yes = await openDialog('Make it without what was not kept?', (close) => [
    element('p', {}, detail),
    element(
      'p',
      { className: 'actions' },
      button('Cancel', () => close(false)),
      button('Make it without', () => close(true)),
    ),
  ])
  return yes === true
}
