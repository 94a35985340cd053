import { call } from '../shared/api.js'
import { field, form } from '../shared/form.js'
import { scopesField } from './scopes.js'

const DAY_MS = 24 * 60 * 60 * 1000
const LIVES = [
  { value: '7', text: '7 days' },
  { value: '30', text: '30 days' },
  { value: '90', text: '90 days' },
  { value: '365', text: '1 year' },
  { value: '1825', text: '5 years' },
]
const MODES = [
  { value: 'live', text: 'live' },
  { value: 'test', text: 'test: what is done with it is not billed' },
]

/** @param done gets the new key, with its secret */
export function newKeyForm(permissions, done) {
  const name = field({ name: 'name', label: 'What it is for', maxLength: 100 })
  const scopes = scopesField(permissions)
  const fields = [
    name,
    scopes,
    field({ name: 'expiresAt', label: 'Ends after', options: LIVES, value: '90' }),
    field({ name: 'mode', label: 'Mode', options: MODES, value: 'live' }),
    field({
      ...{ name: 'allowedAddresses', label: 'Counts from these addresses only', optional: true },
      ...{ element: 'textarea', rows: 3, spellcheck: false },
      hint: 'Addresses and ranges such as 203.0.113.0/24, one in a line. Anywhere when empty.',
    }),
  ]
  const made = form({
    ...{ fields, submit: 'Make the key', send },
    done: (key) => {
      // Not reset: that would not give the boxes and the lists back their first state.
      made.replaceWith(newKeyForm(permissions, done))
      return done(key)
    },
  })
  return made
}

function send({ name, scopes, expiresAt, mode, allowedAddresses = '' }) {
  const endMs = Date.now() + Number(expiresAt) * DAY_MS
  return call('POST', '/api-keys', {
    ...{ name, mode, scopes },
    expiresAt: new Date(endMs).toISOString(),
    allowedAddresses: allowedAddresses.split(/[\s,]+/).filter(Boolean),
  })
}
