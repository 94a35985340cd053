import { call } from '../shared/api.js'
import { card, element, newId } from '../shared/elements.js'
import { follow } from '../shared/follow.js'
import { alertPlace, showProblem } from '../shared/problem.js'
import { bytes, milliseconds, number, share } from '../shared/units.js'
import { chart } from './chart.js'

const SPANS = [
  { hours: 1, text: 'the last hour' },
  { hours: 24, text: 'the last day' },
  { hours: 24 * 7, text: 'the last 7 days' },
  { hours: 24 * 30, text: 'the last 30 days' },
]
const EVERY_MS = 10_000

export function metricsCard(path) {
  const place = element('div')
  const select = element(
    'select',
    { id: newId('span') },
    SPANS.map(({ hours, text }) => element('option', { value: String(hours) }, text)),
  )
  const refresh = async () => {
    const answer = await call('GET', `${path}/metrics?from=${ago(Number(select.value))}`)
    if (answer.ok) return place.replaceChildren(...figures(answer.body))
    const alert = alertPlace()
    showProblem(alert, answer)
    place.replaceChildren(alert)
  }
  select.addEventListener('change', refresh)
  void refresh()
  follow(place, EVERY_MS, refresh)
  const label = element('label', { htmlFor: select.id }, 'In ')
  return card('Metrics', element('p', { className: 'span' }, label, select), place)
}

function ago(hours) {
  return new Date(Date.now() - hours * 60 * 60 * 1000).toISOString()
}

function figures({ total, live, points, endpoints, from, to, stepSeconds }) {
  const steps = stepsOf(points, { from, to, stepSeconds })
  const of = (read) => steps.map((point) => point && read(point))
  const failed = of(({ failures }) => failures)
  return [
    facts([
      ['Requests', number(total.requests)],
      ['Success', share(total.successRate)],
      ['Latency p50', milliseconds(total.latencyMs.p50)],
      ['p95', milliseconds(total.latencyMs.p95)],
      ['p99', milliseconds(total.latencyMs.p99)],
      ['From visitors', bytes(total.bytesIn)],
      ['To visitors', bytes(total.bytesOut)],
      ['Connections', number(total.connections)],
      ['Under way now', number(live.inUse)],
      ...(live.waiting > 0 ? [['Waiting now', number(live.waiting)]] : []),
    ]),
    element(
      'div',
      { className: 'charts' },
      chart(
        'Requests',
        of(({ requests }) => requests),
        { show: number, failed },
      ),
      chart(
        'Latency p95',
        of(({ latencyMs }) => latencyMs.p95 ?? undefined),
        { show: milliseconds },
      ),
      chart(
        'Bytes to visitors',
        of(({ bytesOut }) => bytesOut),
        { show: bytes },
      ),
    ),
    ...(endpoints.length > 1 ? [endpointTable(endpoints)] : []),
  ]
}

/** Steps in which nothing came are left out of the answer. */
function stepsOf(points, { from, to, stepSeconds }) {
  const length = stepSeconds * 1000
  const start = Date.parse(from)
  const steps = Array.from({ length: Math.ceil((Date.parse(to) - start) / length) })
  for (const point of points) steps[Math.round((Date.parse(point.at) - start) / length)] = point
  return [...steps]
}

function facts(pairs) {
  return element(
    'dl',
    { className: 'figures' },
    pairs.map(([name, value]) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value)),
    ),
  )
}

function endpointTable(endpoints) {
  const cell = (text, properties = {}) => element('td', properties, text)
  return element(
    'div',
    { className: 'scrolls', tabIndex: 0, role: 'region', 'aria-label': 'By endpoint' },
    element(
      'table',
      {},
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ['Endpoint', 'Requests', 'Success', 'p95', 'To visitors'].map((text) =>
            element('th', { scope: 'col' }, text),
          ),
        ),
      ),
      element(
        'tbody',
        {},
        endpoints.map(({ url, requests, successRate, latencyMs, bytesOut }) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row' }, url ?? 'none'),
            ...[cell(number(requests)), cell(share(successRate))],
            ...[cell(milliseconds(latencyMs.p95)), cell(bytes(bytesOut))],
          ),
        ),
      ),
    ),
  )
}
