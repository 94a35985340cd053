import { call } from '../shared/api.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { deviceName, moment } from '../shared/words.js'

export function rememberedCard() {
  return liveCard('Remembered devices', {
    about: 'These are not asked for a second factor for 30 days.',
    read: () => call('GET', '/auth/2fa/devices'),
    show: ({ items }, refresh) =>
      rows(items, (device) => deviceRow(device, refresh), 'No device is remembered.'),
  })
}

function deviceRow({ id, userAgent, ipAddress, lastUsedAt, expiresAt }, refresh) {
  const name = deviceName(userAgent)
  return row(name, {
    about: [
      [
        'Used ',
        moment(lastUsedAt),
        ipAddress ? ` from ${ipAddress}` : '',
        ', until ',
        moment(expiresAt),
      ],
    ],
    actions: [
      act('Forget', {
        ...{ method: 'DELETE', path: `/auth/2fa/devices/${id}`, done: refresh },
        label: `Forget ${name}`,
      }),
    ],
  })
}
