import { call } from '../shared/api.js'
import { card, element, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'

const PROVIDERS = [
  { value: 'local', text: 'a process on this machine' },
  { value: 'ec2', text: 'a machine at EC2' },
]

/** Starts a relay; `done` reads the list again. */
export function startCard(done) {
  const made = form({
    fields: [
      field({ name: 'provider', label: 'Where', options: PROVIDERS, value: 'local' }),
      field({
        ...{ name: 'name', label: 'Name', optional: true, maxLength: 64, spellcheck: false },
        ...{ autocapitalize: 'none', autocomplete: 'off' },
      }),
    ],
    submit: 'Start it',
    send: (given) => call('POST', '/proxy/start', given),
    done: async ({ name }) => {
      made.reset()
      tell(`${name} starts.`)
      await done()
    },
  })
  const about =
    'Agents have links to two relays where there are two, so that one may end unnoticed.'
  return card('Start a relay', element('p', { className: 'about' }, about), made)
}
