import { call } from '../shared/api.js'
import { button, element } from '../shared/elements.js'
import { liveCard } from '../shared/parts.js'
import { alertPlace, clear, showProblem } from '../shared/problem.js'
import { moment } from '../shared/words.js'
import { tokenOf } from '../shared/way.js'
import { downloadExport } from './own-data.js'

export const title = 'Your data'

const WORDS = {
  making: 'It is being gathered; look again in a while.',
  failed: 'It could not be made. Ask for another one.',
  ready: 'It is ready.',
}

/** What the mail about an export leads to. */
export function show() {
  const id = tokenOf('export') ?? ''
  return liveCard('Export', {
    read: () => call('GET', `/users/me/export/${encodeURIComponent(id)}`),
    show: ({ status, createdAt, expiresAt }) => [
      element('p', {}, WORDS[status]),
      element(
        'p',
        { className: 'hint' },
        'Asked for ',
        moment(createdAt),
        ', deleted ',
        moment(expiresAt),
        '.',
      ),
      ...(status === 'ready' ? [downloadPart(id)] : []),
    ],
  })
}

function downloadPart(id) {
  const alert = alertPlace()
  const start = async () => {
    clear(alert)
    const answer = await downloadExport(id)
    if (!answer.ok) showProblem(alert, answer)
  }
  return element('div', {}, alert, button('Download', start, { className: 'primary' }))
}
