import { call } from '../shared/api.js'
import { element } from '../shared/elements.js'
import { follow } from '../shared/follow.js'
import { liveCard, row, rows } from '../shared/parts.js'
import { milliseconds } from '../shared/units.js'
import { moment } from '../shared/words.js'

const EVERY_MS = 4_000
const SHOWN = 20
const GRADES = { success: 'ok', error: 'failing', pending: 'degraded' }
const MOST_TEXT = 120

/** What was commanded last, by whomever. */
export function commandsCard(path) {
  const list = liveCard('Last commands', {
    about:
      'Over REST and the live channel. What DevTools clients and people in the live view do is not among them.',
    read: () => call('GET', `${path}/commands?limit=${SHOWN}`),
    show: ({ items }) => rows(items, commandRow, 'No command yet.'),
  })
  follow(list, EVERY_MS, list.refresh)
  return list
}

function commandRow({ type, params, status, startTime, endTime, errorMessage }) {
  const took = endTime && `, ${milliseconds(Date.parse(endTime) - Date.parse(startTime))}`
  const about = [
    ...(errorMessage ? [errorMessage] : []),
    [moment(startTime), ...(took ? [took] : [])],
  ]
  const badge = element('span', { 'data-status': GRADES[status] ?? 'unknown' }, status)
  return row(`${type} ${gistOf(params)}`, { badge, about })
}

/** The member that tells most, without the rest. */
function gistOf(params) {
  const { url, selector, script, text, action } = params ?? {}
  const gist = String(url ?? selector ?? script ?? text ?? action ?? '')
  return gist.length > MOST_TEXT ? `${gist.slice(0, MOST_TEXT)}…` : gist
}
