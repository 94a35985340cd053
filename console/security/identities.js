import { call } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { element } from '../shared/elements.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'

/** The providers that the person signs in with, where the operator has configured any. */
export function identitiesCard() {
  return liveCard('Sign-in with providers', {
    about: 'Who is linked here signs in without a password of this server.',
    read: readBoth,
    show: ({ items, providers }, refresh) =>
      [
        rows(items, (one) => identityRow(one, refresh), 'No provider is linked.'),
        providers.length > 0 && element('p', { className: 'actions' }, providers.map(linkButton)),
      ].filter(Boolean),
  })
}

async function readBoth() {
  const providers = await call('GET', '/auth/oauth')
  if (!providers.ok) return providers
  const linked = await call('GET', '/users/me/identities')
  return { ...linked, body: { ...linked.body, providers: providers.body.items } }
}

function linkButton({ id, name }) {
  return act(`Link ${name}`, {
    ...{ method: 'POST', path: `/auth/oauth/${encodeURIComponent(id)}/link` },
    done: ({ authorizationUrl }) => location.assign(authorizationUrl),
  })
}

function identityRow({ id, providerName, email, createdAt, lastUsedAt }, refresh) {
  const unlink = act('Unlink', {
    ...{ method: 'DELETE', path: `/users/me/identities/${id}`, className: 'danger', done: refresh },
    label: `Unlink ${providerName}`,
    before: () =>
      confirmed({
        title: `Unlink ${providerName}?`,
        text: 'It will not sign you in any more. Other devices that a provider let in are signed out.',
        yes: 'Unlink',
      }),
  })
  const used = lastUsedAt ? [', used ', moment(lastUsedAt)] : []
  return row(providerName, {
    about: [...(email ? [email] : []), ['Linked ', moment(createdAt), ...used]],
    actions: [unlink],
  })
}
