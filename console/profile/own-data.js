import { call, forgetSignIn } from '../shared/api.js'
import { confirmed, openDialog } from '../shared/dialog.js'
import { button, card, element, tell } from '../shared/elements.js'
import { isNow } from '../shared/me.js'
import { act } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { goTo } from '../shared/way.js'

/** A copy of all that is kept about the person, and the way out. */
export function ownDataCard() {
  const copy = act('Export my data', {
    ...{ method: 'POST', path: '/users/me/export' },
    done: () => tell('Your data is being gathered. A mail brings the link.'),
  })
  const leave = act('Delete my user', {
    ...{ method: 'DELETE', path: '/users/me', className: 'danger', done: left },
    before: () =>
      confirmed({
        title: 'Delete your user?',
        text: 'You are signed out everywhere and your API keys end. A mail brings the link to come back; when its time is over, all that is kept about you is erased.',
        yes: 'Delete my user',
      }),
  })
  return card(
    'Your data',
    element('p', { className: 'about' }, 'All that is kept about you belongs to you.'),
    element('p', { className: 'actions' }, copy, leave),
  )
}

async function left({ restoreUntil }) {
  forgetSignIn()
  goTo('')
  await isNow(undefined)
  await openDialog('You have left', (close) => [
    element('p', {}, 'Until ', moment(restoreUntil), ' the link of the mail brings you back.'),
    element(
      'p',
      { className: 'actions' },
      button('Good-bye', () => close(true)),
    ),
  ])
}

/** Opens an address that works for a short time; whoever asks proves again who they are. */
export async function downloadExport(id) {
  const answer = await call('POST', `/users/me/export/${encodeURIComponent(id)}/download`)
  if (answer.ok) element('a', { href: answer.body.url, download: '' }).click()
  return answer
}
