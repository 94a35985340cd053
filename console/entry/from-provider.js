import { call } from '../shared/api.js'
import { element, tell } from '../shared/elements.js'
import { alertPlace, showProblem } from '../shared/problem.js'
import { forgetToken, goTo, tokenOf } from '../shared/way.js'
import { enter } from './enter.js'

/** What takes the code that a visit to a provider brings, and where it goes on. */
const AIMS = {
  'provider-sign-in': {
    path: '/auth/oauth/sign-in',
    more: { session: 'cookie' },
    done: (answer, place) => enter(answer, place),
  },
  'provider-link': {
    path: '/users/me/identities',
    done: ({ providerName }) => goBack(`You can sign in with ${providerName} now.`),
  },
  'provider-step-up': {
    path: '/auth/oauth/step-up',
    done: () => goBack('You have proven that it is you: do again what asked for it.'),
  },
}

/** Why nothing came of a visit, as the address tells; the server's own words are in the error catalogue. */
const REASONS = {
  'oauth.denied':
    'You or the provider said no. Begin again and agree there, or sign in another way.',
  'oauth.provider_unavailable': 'The provider does not answer. Try again in a minute.',
  'oauth.answer_refused':
    'It took longer than 10 minutes, or was begun in another browser. Begin again, in one window.',
  'addresses.sign_in_blocked': 'Nobody may sign in from this address. Ask the operator.',
  'auth.too_many_attempts': 'There were too many attempts. Try again in a quarter of an hour.',
}

export const title = 'Sign in with a provider'

/** Back from a provider: does what the visit was for. */
export function show(name) {
  const place = element(
    'div',
    {},
    element('p', { className: 'hint', role: 'status' }, 'One moment…'),
  )
  void arrive(name, place)
  return element('section', { className: 'card', 'aria-label': title }, place)
}

async function arrive(name, place) {
  const code = tokenOf(name) ?? ''
  forgetToken(name)
  // Nobody comes here twice by loading the page again.
  history.replaceState(null, '', `${location.pathname}#sign-in`)
  const aim = AIMS[name]
  const answer = aim ? await call('POST', aim.path, { code, ...aim.more }) : refused(code)
  if (answer.ok) return aim.done(answer.body, place)
  const alert = alertPlace()
  showProblem(alert, answer)
  const back = element('a', { className: 'button', href: '#sign-in' }, 'Sign in another way')
  place.replaceChildren(alert, element('p', { className: 'actions' }, back))
  alert.focus()
}

function refused(code) {
  const detail = REASONS[code] ?? 'Begin again, or sign in another way.'
  return { ok: false, body: { title: 'Nobody was signed in', detail } }
}

function goBack(said) {
  goTo('security')
  tell(said)
}
