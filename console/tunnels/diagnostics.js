import { call } from '../shared/api.js'
import { button, element } from '../shared/elements.js'
import { liveCard } from '../shared/parts.js'
import { paragraph } from '../shared/words.js'
import { statusOf } from './status.js'

const NAMES = {
  ...{ started: 'Started', agent: 'Agent', links: 'Links', relays: 'Relays' },
  ...{ hostname: 'Name', certificate: 'Certificate', access: 'Access', quota: 'Quota' },
  ...{ limits: 'Limits', endpoints: 'Service', requests: 'Last requests' },
}

/** Each hop from the visitor to the service, and what to do where it is broken. */
export function diagnosticsCard(path) {
  return liveCard('Diagnostics', {
    read: () => call('GET', `${path}/diagnostics`),
    show: ({ status, summary, checks }, refresh) => [
      element(
        'p',
        { className: 'overall', 'data-status': statusOf(status).dataset.status },
        summary,
      ),
      element('ul', { className: 'checks' }, checks.map(checkRow)),
      element('p', { className: 'actions' }, button('Check again', refresh)),
    ],
  })
}

function checkRow({ name, status, detail, fix }) {
  const state = statusOf(status)
  state.className = 'state'
  return element(
    'li',
    {},
    element('strong', {}, NAMES[name] ?? name),
    state,
    element('p', {}, detail),
    fix && status !== 'ok' && paragraph(fix),
  )
}
