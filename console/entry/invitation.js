import { call, chooseAccount } from '../shared/api.js'
import { button, card, element, hint, tell } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { isNow, me, readMe, signOut } from '../shared/me.js'
import { newPasswordField } from '../shared/password.js'
import { forgetToken, goTo, tokenOf, wantAfter } from '../shared/way.js'
import { nameFields } from './names.js'

export const title = 'You are invited'

/** For whoever has a user, and signs in with it, and for whoever gets one here. */
export function show() {
  return me() ? forMe() : [forSomebodyNew(), forSomebodyKnown()]
}

function accept(given) {
  return call('POST', '/invitations/accept', { ...given, token: tokenOf('invitation') ?? '' })
}

function forMe() {
  const other = button('Use another user', async () => {
    if (await signOut()) goTo('invitation')
  })
  return card(
    'Accept as yourself',
    element('p', {}, 'You are signed in as ', element('strong', {}, me().email), '.'),
    form({
      ...{ fields: [], submit: 'Accept the invitation', send: () => accept({}) },
      done: ({ invitation }) => arrive(invitation, readMe),
      aside: [other],
    }),
  )
}

function forSomebodyNew() {
  return card(
    'I am new here',
    hint('Your e-mail address is the one that the invitation was sent to.'),
    form({
      fields: [newPasswordField({ label: 'Password' }), ...nameFields()],
      submit: 'Accept, and make my account',
      send: (given) => accept({ ...given, session: 'cookie' }),
      done: ({ invitation, user }) => arrive(invitation, () => isNow(user)),
    }),
  )
}

function forSomebodyKnown() {
  const signIn = button('Sign in first', () => {
    wantAfter('invitation')
    goTo('sign-in')
  })
  return card(
    'I have an account',
    hint('Sign in with the address that the invitation was sent to; then accept it.'),
    element('p', { className: 'actions' }, signIn),
  )
}

async function arrive({ accountId, role, platformRole }, recall) {
  forgetToken('invitation')
  if (accountId) chooseAccount(accountId)
  history.replaceState(null, '', `${location.pathname}#accounts`)
  await recall()
  goTo('accounts')
  tell(`You are in, as ${role ?? platformRole}.`)
}
