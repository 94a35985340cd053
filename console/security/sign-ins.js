import { call } from '../shared/api.js'
import { button, element } from '../shared/elements.js'
import { liveCard, row } from '../shared/parts.js'
import { deviceName, moment } from '../shared/words.js'

const PATH = '/users/me/sign-ins?limit=10'
const WORDS = {
  signed_in: ['signed in', 'ok'],
  wrong_password: ['wrong password', 'degraded'],
  second_factor_failed: ['wrong second factor', 'failing'],
  locked: ['locked', 'failing'],
}

export function signInsCard() {
  return liveCard('Who signed in, or tried to', {
    about: 'Of the last 90 days. What you do not know is a reason to change the password.',
    read: () => call('GET', PATH),
    show: (page) => {
      const list = element('ul', { className: 'rows' }, page.items.map(recordRow))
      return [list, moreButton(list, page.nextCursor)].filter(Boolean)
    },
  })
}

function moreButton(list, cursor) {
  if (!cursor) return undefined
  const more = button('Show more', async () => {
    const { ok, body } = await call('GET', `${PATH}&cursor=${encodeURIComponent(cursor)}`)
    if (!ok) return
    list.append(...body.items.map(recordRow))
    const next = moreButton(list, body.nextCursor)
    more.replaceWith(...(next ? [next] : []))
  })
  return more
}

function recordRow({ at, result, ipAddress, userAgent }) {
  const [words, status] = WORDS[result] ?? [result.replaceAll('_', ' '), 'unknown']
  const badge = element('span', { 'data-status': status }, words)
  const from = ipAddress ? ` from ${ipAddress}` : ''
  return row(deviceName(userAgent), { badge, about: [[moment(at), from]] })
}
