import { call } from '../shared/api.js'
import { confirmed } from '../shared/dialog.js'
import { copyButton } from '../shared/copy.js'
import { element, hint } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { act, liveCard, row, rows } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { statusOf } from './status.js'

/** Domains of one's own: what to write into the DNS, and whether it was found. */
export function domainsCard(path, { hostname }) {
  const list = liveCard('Own domains', {
    about: `Prove that a domain is yours by a record in its DNS, and point it here: by CNAME to ${hostname}.`,
    read: () => call('GET', `${path}/domains`),
    show: ({ items }, refresh) => rows(items, (one) => domainRow(path, one, refresh), 'None.'),
  })
  list.append(
    element('details', {}, element('summary', {}, 'Add a domain'), claimForm(path, list.refresh)),
  )
  return list
}

function domainRow(path, domain, refresh) {
  const { hostname, status, verifiedAt, lastCheckedAt, lastError, expiresAt } = domain
  const isPending = status === 'pending'
  return row(hostname, {
    badge: statusOf(status),
    about: [
      ...(isPending ? [recordOf(domain)] : []),
      ...(verifiedAt
        ? [['Leads here since ', moment(verifiedAt), '. The record has to stay.']]
        : []),
      ...(lastError && lastCheckedAt ? [[`${lastError}, looked for `, moment(lastCheckedAt)]] : []),
      ...(expiresAt ? [['Forgotten ', moment(expiresAt), ' unless it is proven']] : []),
    ],
    actions: actionsOf(path, domain, refresh),
  })
}

function recordOf({ record, hostname }) {
  const value = element('code', {}, record.value)
  return element(
    'span',
    {},
    ...[`Add the ${record.type} record `, element('code', {}, record.name), ' with '],
    ...[
      value,
      ' ',
      copyButton(() => record.value, value, { ariaLabel: `Copy the value for ${hostname}` }),
    ],
  )
}

function actionsOf(path, { id, hostname, status }, done) {
  const one = `${path}/domains/${id}`
  const verify = act('Look for it', {
    ...{ method: 'POST', path: `${one}/verify`, label: `Look for the record of ${hostname}`, done },
  })
  const remove = act('Remove', {
    ...{ method: 'DELETE', path: one, className: 'danger', label: `Remove ${hostname}`, done },
    before: () =>
      confirmed({
        title: 'Remove this domain?',
        text: `${hostname} does not lead here any more.`,
        yes: 'Remove it',
      }),
  })
  return status === 'pending' ? [verify, remove] : [remove]
}

function claimForm(path, refresh) {
  const made = form({
    fields: [
      field({
        ...{ name: 'hostname', label: 'Domain', maxLength: 253, spellcheck: false },
        ...{ autocapitalize: 'none', autocomplete: 'off' },
        hint: 'Such as shop.example.com.',
      }),
    ],
    submit: 'Add it',
    className: 'button',
    send: (given) => call('POST', `${path}/domains`, given),
    done: () => {
      made.reset()
      return refresh()
    },
  })
  return element(
    'div',
    {},
    made,
    hint('Over HTTPS, whoever runs this Gantry has to have a certificate for it.'),
  )
}
