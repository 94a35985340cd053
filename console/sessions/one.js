import { call } from '../shared/api.js'
import { element } from '../shared/elements.js'
import { follow } from '../shared/follow.js'
import { liveCard } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { commandsCard } from './commands.js'
import { evidenceCard } from './evidence.js'
import { liveViewCard } from './live-view.js'
import { overview } from './overview.js'
import { isOpen, nameOf } from './status.js'

export const title = 'Session'
const EVERY_MS = 3_000

export function show(place) {
  const path = `/sessions/${encodeURIComponent(place.split('/')[1] ?? '')}`
  const rest = element('div')
  const first = liveCard('Browser', {
    read: () => call('GET', path),
    show: (session, refresh) => {
      nameThePage(session)
      if (!rest.hasChildNodes()) void showRest(rest, path, session)
      return overview(path, session, refresh)
    },
  })
  follow(first, EVERY_MS, first.refresh)
  const back = element('p', {}, element('a', { href: '#sessions' }, 'All sessions'))
  return [back, first, rest]
}

function nameThePage(session) {
  const name = nameOf(session)
  document.querySelector('#view h1').textContent = name
  document.title = `${name} · Gantry`
}

async function showRest(place, path, session) {
  const mayDrive = (await readPermissions()).held.has('sessions.write')
  place.append(
    ...(isOpen(session) ? [liveViewCard(path, mayDrive)] : []),
    ...(session.recording ? [evidenceCard(path, session)] : []),
    commandsCard(path),
  )
}
