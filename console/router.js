import { element } from './shared/elements.js'
import { takePlace } from './shared/kept-place.js'
import { followMe, me, owesFactor } from './shared/me.js'
import { keepToken, takeWanted, wantAfter } from './shared/way.js'

/**
 * What stands behind `#` in the address, and what it shows; a link in a mail brings its token along: `#reset-password=…`. What a page is
 * about stands behind a slash, and stays in the address: `#tunnel/tun_…`.
 */
const ENTRIES = {
  'sign-in': () => import('./entry/sign-in.js'),
  register: () => import('./entry/register.js'),
  'forgot-password': () => import('./entry/forgot-password.js'),
  'reset-password': () => import('./entry/reset-password.js'),
  'verify-email': () => import('./entry/verify-email.js'),
  'confirm-email': () => import('./entry/confirm-email.js'),
  'restore-user': () => import('./entry/restore-user.js'),
  invitation: () => import('./entry/invitation.js'),
  setup: () => import('./entry/setup.js'),
  'provider-sign-in': fromProvider,
  'provider-link': fromProvider,
  'provider-step-up': fromProvider,
  'provider-refused': fromProvider,
}
function fromProvider() {
  return import('./entry/from-provider.js')
}

/** For whoever is signed in. */
const PAGES = {
  welcome: () => import('./entry/welcome.js'),
  profile: () => import('./profile/page.js'),
  security: () => import('./security/page.js'),
  'second-factor': () => import('./security/set-up.js'),
  'api-keys': () => import('./keys/page.js'),
  accounts: () => import('./accounts/page.js'),
  export: () => import('./profile/export.js'),
  sessions: () => import('./sessions/page.js'),
  session: () => import('./sessions/one.js'),
  tunnels: () => import('./tunnels/page.js'),
  tunnel: () => import('./tunnels/one.js'),
  relays: () => import('./relays/page.js'),
  moderation: () => import('./moderation/page.js'),
  visit: () => import('./tunnels/visit.js'),
}
const LISTS = { session: 'sessions', tunnel: 'tunnels' }
const VIEWS = { ...ENTRIES, ...PAGES }
const NEEDLESS_WHEN_SIGNED_IN = new Set(['sign-in', 'register', 'provider-sign-in'])

const home = document.getElementById('home')
const view = document.getElementById('view')

let looks = 0
let shownFor

/** Shows what the address names, now and whenever it or who is signed in changes. */
export function followAddress() {
  recallWanted()
  addEventListener('hashchange', () => void look())
  followMe(() => {
    if (shownFor !== undefined && shownFor !== whoIsThis()) void look()
  })
  return look({ isFirst: true })
}

/** Only for who comes back from a provider; what was kept names a view of ours, and nothing else. */
function recallWanted() {
  const { name, token } = takePlace()
  const [now] = partsOf(location.hash)
  if (!Object.hasOwn(ENTRIES, now) || ENTRIES[now] !== fromProvider) return
  if (typeof name !== 'string' || !Object.hasOwn(VIEWS, viewIn(name))) return
  wantAfter(name)
  if (typeof token === 'string') keepToken(name, token)
}

async function look({ isFirst = false } = {}) {
  const turn = ++looks
  const asked = nameInAddress()
  const name = placeFor(asked)
  shownFor = whoIsThis()
  if (name === undefined) return showHome(asked, isFirst)
  if (name !== asked) history.replaceState(null, '', `${location.pathname}#${name}`)
  const { title, show } = await VIEWS[viewIn(name)]()
  if (turn !== looks) return
  view.replaceChildren(element('h1', { tabIndex: -1 }, title), ...[show(name)].flat())
  view.className = Object.hasOwn(ENTRIES, name) ? 'narrow' : ''
  home.hidden = true
  view.hidden = false
  document.title = `${title} · Gantry`
  mark(name)
  scrollTo(0, 0)
  const first = Object.hasOwn(ENTRIES, name) ? view.querySelector('input') : undefined
  ;(first ?? view.querySelector('h1')).focus()
}

function nameInAddress() {
  const [name, given] = partsOf(location.hash)
  if (given && Object.hasOwn(VIEWS, name)) {
    keepToken(name, given)
    history.replaceState(null, '', `${location.pathname}#${name}`)
  }
  return name
}

function partsOf(hash) {
  return hash.slice(1).split('=')
}

/** The view to show, which is `undefined` for the first page: who must prove something does that before. */
function placeFor(name) {
  if (Object.hasOwn(ENTRIES, name)) {
    if (!me() || !NEEDLESS_WHEN_SIGNED_IN.has(name)) return name
    const after = takeWanted() ?? ''
    if (after === '') history.replaceState(null, '', location.pathname)
    return placeFor(after)
  }
  if (me() && owesFactor() && name !== 'second-factor') {
    wantAfter(name)
    return 'second-factor'
  }
  if (!Object.hasOwn(PAGES, viewIn(name))) return undefined
  if (me()) return name
  wantAfter(name)
  return 'sign-in'
}

function viewIn(name) {
  return name.split('/', 1)[0]
}

function whoIsThis() {
  return me() ? `${me().id} ${me().accountId} ${owesFactor()}` : 'nobody'
}

function showHome(anchor, isFirst) {
  view.hidden = true
  view.replaceChildren()
  home.hidden = false
  document.title = 'Gantry'
  mark(undefined)
  const target = anchor && document.getElementById(anchor)
  if (target) target.scrollIntoView()
  else if (!isFirst) home.querySelector('h1').focus()
}

/** A page about one thing belongs to the list of them. */
function listOf(view) {
  return LISTS[view] ?? view
}

function mark(name) {
  for (const link of document.querySelectorAll('#own a')) {
    if (name !== undefined && link.hash === `#${listOf(viewIn(name))}`)
      link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
}
