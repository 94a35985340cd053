import { card, element } from '../shared/elements.js'
import { me } from '../shared/me.js'
import { devicesCard } from './devices.js'
import { emailCard } from './email.js'
import { factorsCard } from './factors.js'
import { identitiesCard } from './identities.js'
import { passkeysCard } from './passkeys.js'
import { passwordCard } from './password.js'
import { rememberedCard } from './remembered.js'
import { signInsCard } from './sign-ins.js'

export const title = 'Security'

export function show() {
  if (me().impersonatedBy) {
    const why = 'Passwords, second factors and devices stay with the person, whoever acts for them.'
    return card('Not as another', element('p', {}, why))
  }
  const changed = () => Promise.all(live.map((card) => card.refresh()))
  // What changes one of them shows in the others: a first passkey brings backup codes, another factor forgets devices.
  const live = [factorsCard(changed), passkeysCard(changed), rememberedCard(), devicesCard()]
  const forms = element('div', { className: 'columns even' }, passwordCard(), emailCard())
  return [forms, ...live, identitiesCard(), signInsCard()]
}
