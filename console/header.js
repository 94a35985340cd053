import { call, chosenAccount } from './shared/api.js'
import { button, element, whileBusy } from './shared/elements.js'
import { actFor, followMe, me, owesFactor, signOut } from './shared/me.js'
import { readPermissions } from './shared/permissions.js'
import { moment } from './shared/words.js'
import { goTo } from './shared/way.js'

const by = (id) => document.getElementById(id)
const enter = by('enter')
const leave = by('leave')

/** Says in every view who is signed in, and in whose name or for which account they act. */
export function showHeader() {
  leave.addEventListener('click', () => void whileBusy(leave, () => leaveFor('')))
  followMe(() => {
    const user = me()
    enter.hidden = user !== undefined
    by('who').hidden = user === undefined
    by('who').replaceChildren(...(user ? whoOf(user) : []))
    leave.hidden = user === undefined
    leave.setAttribute('aria-label', user ? `Sign out ${user.email}` : '')
    by('own').hidden = user === undefined || owesFactor()
    void showBanner(user)
    void offerStaffPages(user)
  })
}

/** For those who run the installation. */
async function offerStaffPages(user) {
  const held = user && !owesFactor() ? (await readPermissions()).held : new Set()
  if (user !== me()) return
  by('relays-link').hidden = !held.has('relays.read')
  by('moderation-link').hidden = !held.has('moderation.read')
}

async function leaveFor(place) {
  if (await signOut()) goTo(place)
}

function whoOf({ email, avatarUrl }) {
  const picture = element('img', { src: avatarUrl, alt: '', width: 24, height: 24 })
  return [...(avatarUrl ? [picture] : []), element('span', {}, email)]
}

async function showBanner(user) {
  const lines = user?.impersonatedBy ? [actingAs(user)] : []
  const chosen = user && !owesFactor() ? chosenAccount() : undefined
  const account = chosen ? await call('GET', `/accounts/${chosen}`) : undefined
  if (user !== me()) return
  if (account?.ok) lines.push(actingFor(account.body))
  by('banner').replaceChildren(...lines)
}

function actingAs({ email, impersonatedBy }) {
  return element(
    'div',
    { className: 'banner', role: 'status' },
    element(
      'p',
      {},
      ...['You act as ', element('strong', {}, email), ' until ', moment(impersonatedBy.expiresAt)],
      `. All of it is recorded in the name of ${impersonatedBy.email}.`,
    ),
    button('Stop', () => leaveFor('sign-in')),
  )
}

function actingFor({ name }) {
  return element(
    'div',
    { className: 'banner', role: 'status' },
    element('p', {}, 'You act for ', element('strong', {}, name), '.'),
    button('Back to your own account', () => actFor(undefined)),
  )
}
