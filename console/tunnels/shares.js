import { call } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { copyButton } from '../shared/copy.js'
import { button, card, element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'

const KINDS = [
  { value: 'link', text: 'A link, for whoever has it' },
  { value: 'token', text: 'A token, for a program' },
  { value: 'user', text: 'A person, by e-mail address' },
]
const PERMISSIONS = [
  { value: 'use', text: 'may visit' },
  { value: 'read', text: 'may see its settings, measures and last requests too' },
  { value: 'manage', text: 'may change it too' },
]
const LIVES = [
  { value: '3600', text: 'an hour' },
  { value: '86400', text: 'a day' },
  { value: '604800', text: 'a week' },
  { value: '2592000', text: '30 days' },
]

/** With whom a tunnel is shared; what lets somebody in is shown once. */
export function sharesCard(path, { kind }) {
  const fresh = element('div')
  const list = liveCard('Shared with', {
    read: () => call('GET', `${path}/shares`),
    show: ({ items }, refresh) => rows(items, (one) => shareRow(path, one, refresh), 'Nobody.'),
  })
  const present = async (share) => {
    if (share.url ?? share.token) {
      fresh.replaceChildren(shownOnce(share, () => fresh.replaceChildren()))
      fresh.querySelector('h2').focus()
    }
    await list.refresh()
  }
  const place = element('div', {}, fresh, list)
  list.append(
    element('details', {}, element('summary', {}, 'Share it'), newShareForm(path, kind, present)),
  )
  return place
}

function shareRow(path, share, refresh) {
  const { id, kind, permission, email, accountId, label, expiresAt, expired } = share
  const name = email ?? accountId ?? label ?? `a ${kind}`
  return row(name, {
    badge: expired ? 'ended' : kind,
    about: [
      [
        PERMISSIONS.find(({ value }) => value === permission).text,
        ...(expiresAt ? [', until ', moment(expiresAt)] : []),
      ],
    ],
    actions: [
      act('Revoke', {
        ...{ method: 'DELETE', path: `${path}/shares/${id}`, className: 'danger', done: refresh },
        label: `Revoke ${name}`,
        before: () =>
          confirmed({
            title: 'Revoke this?',
            text: 'Whoever came by it is cut off within seconds.',
            yes: 'Revoke it',
          }),
      }),
    ],
  })
}

/** A TCP tunnel asks its visitors for nothing, so that people are all it can be shared with. */
function newShareForm(path, tunnelKind, done) {
  const kinds = tunnelKind === 'tcp' ? KINDS.filter(({ value }) => value === 'user') : KINDS
  const kind = field({ name: 'kind', label: 'With', options: kinds, value: kinds[0].value })
  const email = field({
    ...{ name: 'email', label: 'E-mail', type: 'email' },
    hint: 'It counts for whoever has confirmed this address, also later.',
  })
  const permission = field({ name: 'permission', label: 'Who', options: PERMISSIONS, value: 'use' })
  const label = field({ name: 'label', label: 'What you call it', optional: true, maxLength: 100 })
  const life = field({ name: 'expiresInSeconds', label: 'For', options: LIVES, value: '604800' })
  const fit = () => {
    const isPerson = kind.value() === 'user'
    email.node.hidden = permission.node.hidden = !isPerson
  }
  kind.input.addEventListener('change', fit)
  fit()
  const made = form({
    fields: [kind, onlyWhenShown(email), permission, label, life],
    submit: 'Share it',
    className: 'button',
    send: (given) => call('POST', `${path}/shares`, shareFrom(given)),
    done: async (share) => {
      made.reset()
      fit()
      await done(share)
    },
  })
  return made
}

/** What is not shown need not be filled in. */
function onlyWhenShown(given) {
  return { ...given, isMissing: () => !given.node.hidden && given.isMissing() }
}

function shareFrom({ kind, email, permission, label, expiresInSeconds }) {
  return {
    kind,
    ...(kind === 'user' && { email, permission }),
    ...(label && { label }),
    expiresInSeconds: Number(expiresInSeconds),
  }
}

function shownOnce({ url, token, label, kind }, close) {
  const secret = url ?? token
  const shown = element('code', { className: 'secret' }, secret)
  return card(
    `Your new ${kind}${label ? `: ${label}` : ''}`,
    element(
      'p',
      {},
      element('strong', {}, 'It is shown this once.'),
      url ? ' Whoever opens it is let in.' : ' Programs send it in the header Gantry-Tunnel-Token.',
    ),
    element(
      'p',
      { className: 'with-button' },
      shown,
      copyButton(() => secret, shown),
    ),
    element('p', { className: 'actions' }, button('I kept it', close, { className: 'primary' })),
  )
}
