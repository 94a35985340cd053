import { call } from '../shared/api.js'
import { card, tell } from '../shared/elements.js'
import { field, form, tick } from '../shared/form.js'

/** A field of the tunnel's config, which is a part of what is sent. */
function setting(given) {
  return field({ ...given, path: `body.config.${given.name}` })
}

const number = { type: 'number', inputMode: 'numeric' }

/** What may be set of how a tunnel carries; it holds for what is open too. */
export function configCard(path, { config, kind }) {
  const { inspector } = config
  const made = form({
    fields: [
      setting({
        ...number,
        name: 'maxConnections',
        label: 'Connections at once',
        min: 1,
        value: String(config.maxConnections),
      }),
      setting({
        ...{ ...number, name: 'queueSeconds', label: 'Seconds to wait for one of them', min: 0 },
        value: String(config.queueSeconds),
        hint: '0 refuses at once.',
      }),
      setting({
        ...number,
        name: 'timeoutSeconds',
        label: 'Seconds until the first byte of an answer',
        min: 1,
        value: String(config.timeoutSeconds),
      }),
      setting({
        ...number,
        name: 'idleTimeoutSeconds',
        label: 'Seconds without a byte',
        min: 1,
        value: String(config.idleTimeoutSeconds),
      }),
      setting({
        ...{
          ...number,
          name: 'bandwidthBytesPerSecond',
          label: 'Bytes per second, each way',
          min: 1,
        },
        ...{ optional: true, hint: 'As fast as it goes when empty.' },
        value: String(config.bandwidthBytesPerSecond ?? ''),
      }),
      ...(kind === 'http'
        ? [
            tick({
              name: 'compression',
              label: 'Compress what is text',
              checked: config.compression,
            }),
            tick({
              ...{ name: 'inspector', label: 'Keep headers and bodies of the last requests' },
              hint: 'In the memory of relays, without secrets that are known as such.',
              checked: inspector.enabled,
            }),
          ]
        : []),
    ],
    submit: 'Save',
    send: (given) => call('PATCH', path, { config: configFrom(given, inspector, kind) }),
    done: () => tell('Saved: it holds from now on.'),
  })
  return card('Settings', made)
}

function configFrom(given, inspector, kind) {
  const { compression, inspector: enabled, bandwidthBytesPerSecond, ...numbers } = given
  return {
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
    bandwidthBytesPerSecond: bandwidthBytesPerSecond ? Number(bandwidthBytesPerSecond) : null,
    ...(kind === 'http' && { compression, inspector: { ...inspector, enabled } }),
  }
}
