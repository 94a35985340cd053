import { call } from '../shared/api.js'
import { tell } from '../shared/elements.js'
import { field, form, tick } from '../shared/form.js'
import { liveCard } from '../shared/parts.js'

/** How many relays there are to be, and whether Gantry starts and ends some by their load. */
export function settingsCard() {
  return liveCard('How many', {
    about: 'Relays that Gantry has not started are counted, and never ended.',
    read: readBoth,
    show: (both, refresh) => settingsForm(both, refresh),
  })
}

async function readBoth() {
  const answers = await Promise.all(['scaling', 'redundancy'].map((one) => read(one)))
  const failed = answers.find(({ ok }) => !ok)
  if (failed) return failed
  const [scaling, redundancy] = answers.map(({ body }) => body)
  return { ok: true, status: 200, body: { scaling, redundancy } }
}

function read(what) {
  return call('GET', `/relays/${what}`)
}

function settingsForm({ scaling, redundancy }, refresh) {
  const count = { type: 'number', min: 0, inputMode: 'numeric' }
  return form({
    fields: [
      field({
        ...{ name: 'minimumRelays', label: 'At least, always', ...count },
        value: String(redundancy.minimumRelays),
        hint: 'Where fewer run, one is started.',
      }),
      tick({
        name: 'enabled',
        label: 'Start and end relays by their load',
        checked: scaling.enabled,
      }),
      field({ name: 'min', label: 'Then at least', value: String(scaling.min), ...count }),
      field({ name: 'max', label: 'And at most', value: String(scaling.max), ...count }),
    ],
    submit: 'Save',
    send: (given) => save({ scaling, redundancy }, given),
    done: async () => {
      tell('Saved.')
      await refresh()
    },
  })
}

/** The second write is of the version that the first has made; both refuse what somebody else has changed meanwhile. */
async function save({ scaling, redundancy }, { minimumRelays, enabled, min, max }) {
  const first = await call('PUT', '/relays/scaling', {
    ...written(scaling),
    ...{ enabled, min: Number(min), max: Number(max) },
  })
  if (!first.ok) return first
  const { version } = first.body
  const least = { ...written(redundancy), version, minimumRelays: Number(minimumRelays) }
  return call('PUT', '/relays/redundancy', least)
}

function written({ updatedAt: _at, updatedBy: _by, ...rest }) {
  return rest
}
