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
    read: () => readSession(path),
    show: (session, refresh) => {
      // The answer may come when another page is shown already.
      if (first.isConnected) {
        nameThePage(session)
        if (!rest.hasChildNodes()) rest.append(...restOf(path, session))
      }
      return overview(path, session, refresh)
    },
  })
  follow(first, EVERY_MS, first.refresh)
  const back = element('p', {}, element('a', { href: '#sessions' }, 'All sessions'))
  return [back, first, rest]
}

async function readSession(path) {
  const [{ held }, answer] = await Promise.all([readPermissions(), call('GET', path)])
  if (!answer.ok) return answer
  return { ...answer, body: { ...answer.body, mayDrive: held.has('sessions.write') } }
}

function nameThePage(session) {
  const name = nameOf(session)
  const heading = document.querySelector('#view h1')
  // It may have the focus, and would be read aloud again.
  if (heading.textContent !== name) heading.textContent = name
  document.title = `${name} · Gantry`
}

function restOf(path, session) {
  return [
    ...(isOpen(session) ? [liveViewCard(path, session.mayDrive)] : []),
    ...(session.recording ? [evidenceCard(path, session)] : []),
    commandsCard(path),
  ]
}
