import { call } from '../shared/api.js'
import { card, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'

const POLICIES = [
  { value: 'public', text: 'Anybody' },
  { value: 'password', text: 'Whoever knows a password' },
  {
    value: 'members',
    text: 'People who sign in: members of the account, and those it is shared with',
  },
  { value: 'addresses', text: 'Certain addresses' },
  { value: 'token', text: 'Only holders of a token or a link' },
]

/** What can be asked of visitors who bring bytes and nothing else. */
const TCP_POLICIES = POLICIES.filter(({ value }) => ['public', 'addresses'].includes(value))

/** Who may visit. */
export function accessCard(path, { access, kind }) {
  const policy = field({
    name: 'policy',
    label: 'Who may come',
    options: kind === 'tcp' ? TCP_POLICIES : POLICIES,
    value: access.policy,
  })
  const addresses = field({
    ...{ name: 'addresses', label: 'Addresses', optional: true, element: 'textarea', rows: 3 },
    ...{ spellcheck: false, value: access.addresses.join('\n') },
    hint: 'Addresses and ranges such as 203.0.113.0/24, one in a line.',
  })
  const password = field({
    ...{ name: 'password', label: 'Password', type: 'password', optional: true },
    autocomplete: 'new-password',
    hint: access.hasPassword ? 'The one that is set stays when this is empty.' : '',
  })
  const fit = () => {
    addresses.node.hidden = policy.value() !== 'addresses'
    password.node.hidden = policy.value() !== 'password'
  }
  policy.input.addEventListener('change', fit)
  fit()
  const made = form({
    fields: [policy, addresses, password],
    submit: 'Save',
    send: (given) => call('PUT', `${path}/access`, accessFrom(given)),
    done: () => {
      password.input.value = ''
      tell('Saved. Who may not come any more is cut off.')
    },
  })
  return card('Who may visit', made)
}

function accessFrom({ policy, addresses = '', password }) {
  return {
    policy,
    ...(policy === 'addresses' && { addresses: addresses.split(/[\s,]+/).filter(Boolean) }),
    ...(policy === 'password' && password && { password }),
  }
}
