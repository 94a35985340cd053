import { call } from '../shared/api.js'
import { button, element } from '../shared/elements.js'
import { me, signOut } from '../shared/me.js'
import { alertPlace, showProblem } from '../shared/problem.js'
import { goTo, tokenOf, wantAfter } from '../shared/way.js'

export const title = 'Opening the tunnel'

/** On the way to a tunnel that asks who its visitors are: goes on there as whoever is signed in. */
export function show() {
  const place = element(
    'div',
    {},
    element('p', { className: 'hint', role: 'status' }, 'One moment…'),
  )
  void goOnThere(place)
  return element('section', { className: 'card', 'aria-label': title }, place)
}

async function goOnThere(place) {
  const { id, to, state } = asked()
  const answer = await call('POST', `/tunnels/${encodeURIComponent(id)}/visits`, { to, state })
  if (answer.ok) {
    location.replace(answer.body.url)
    return
  }
  const alert = alertPlace()
  showProblem(alert, answer)
  const who = element('p', {}, 'You are signed in as ', element('strong', {}, me().email), '.')
  const other = button('Use another user', async () => {
    wantAfter('visit')
    if (await signOut()) goTo('visit')
  })
  place.replaceChildren(alert, who, element('p', { className: 'actions' }, other))
  alert.focus()
}

/** What the relay has sent the visitor with. */
function asked() {
  try {
    const base64 = (tokenOf('visit') ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return { id: 'none', to: '', state: '' }
  }
}
