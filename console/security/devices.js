import { call } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { button, element, tell } from '../shared/elements.js'
import { signOut } from '../shared/me.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { deviceName, moment } from '../shared/words.js'
import { goTo } from '../shared/way.js'

export function devicesCard() {
  return liveCard('Signed-in devices', {
    about: 'Where you are signed in now. What is signed out counts nowhere after 5 seconds.',
    read: () => call('GET', '/users/me/devices'),
    show: ({ items }, refresh) => [
      rows(items, (device) => deviceRow(device, refresh), 'No device.'),
      element('p', { className: 'actions' }, othersButton(items, refresh), everywhereButton()),
    ],
  })
}

function deviceRow({ id, userAgent, ipAddress, lastActivityAt, createdAt, current }, refresh) {
  const name = deviceName(userAgent)
  const end = act('Sign out', {
    ...{ method: 'DELETE', path: `/users/me/devices/${id}`, done: refresh },
    label: `Sign out ${name}`,
  })
  return row(name, {
    badge: current && 'this device',
    about: [
      [
        'Since ',
        moment(createdAt),
        ', active ',
        moment(lastActivityAt),
        ipAddress ? ` from ${ipAddress}` : '',
      ],
    ],
    actions: current ? [] : [end],
  })
}

function othersButton(items, refresh) {
  if (items.length < 2) return undefined
  return act('Sign out all others', {
    ...{ method: 'DELETE', path: '/users/me/devices' },
    done: async () => {
      tell('All other devices are signed out.')
      await refresh()
    },
  })
}

function everywhereButton() {
  return button(
    'Sign out everywhere',
    async () => {
      const text = 'All your devices are signed out, this one too. API keys stay.'
      if (!(await confirmed({ title: 'Sign out everywhere?', text, yes: 'Sign out' }))) return
      if (await signOut('/auth/logout-all')) goTo('sign-in')
    },
    { className: 'danger' },
  )
}
