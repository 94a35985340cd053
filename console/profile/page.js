import { element } from '../shared/elements.js'
import { me } from '../shared/me.js'
import { accountOfOne } from './about.js'
import { browsersCard } from './browsers.js'
import { consoleCard } from './console.js'
import { fleetCard } from './fleet.js'
import { namesCard } from './names.js'
import { ownDataCard } from './own-data.js'
import { pictureCard } from './picture.js'

export const title = 'Profile'

export function show() {
  const user = me()
  return [
    element('div', { className: 'columns even' }, namesCard(user), accountOfOne(user)),
    element('div', { className: 'columns even' }, consoleCard(user), browsersCard(user)),
    element('div', { className: 'columns even' }, fleetCard(user), pictureCard(user)),
    ...(user.impersonatedBy ? [] : [ownDataCard()]),
  ]
}
