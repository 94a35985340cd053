import { element } from '../shared/elements.js'
import { bytes, milliseconds } from '../shared/units.js'
import { moment } from '../shared/words.js'

/** Everything that is known of one request. */
export function requestDetails(request) {
  const { retries } = request
  return element(
    'div',
    {},
    facts([
      [
        'Request',
        request.kind === 'tcp' ? 'TCP' : `${request.method} ${request.host ?? ''}${request.path}`,
      ],
      ['Answer', request.outcome === 'answered' ? String(request.status ?? '') : request.outcome],
      ['When', moment(new Date(request.startedAtMs).toISOString())],
      ['Visitor', request.visitor],
      ['First byte', milliseconds(request.firstByteMs)],
      ['In all', milliseconds(request.totalMs)],
      ['Bytes', `${bytes(request.bytesIn)} in, ${bytes(request.bytesOut)} out`],
      [
        'Relay',
        request.forwardedBy
          ? `${request.relayId}, by way of ${request.forwardedBy}`
          : request.relayId,
      ],
      ['Endpoint', request.endpointId ? `${request.endpointId}, agent ${request.agent}` : 'none'],
      [
        'Waited',
        `${milliseconds(request.queuedMs)}${request.limit ? ` for ${request.limit}` : ''}`,
      ],
      ...(request.breaker ? [['Breaker', request.breaker]] : []),
      ...(retries.length > 0
        ? [
            [
              'Tried before',
              retries.map(({ endpointId, failure }) => `${endpointId}: ${failure}`).join('; '),
            ],
          ]
        : []),
      ...(request.replayOf ? [['Repeats', request.replayOf]] : []),
    ]),
    message('What the visitor sent', request.request),
    message('What the service answered', request.response),
  )
}

function facts(pairs) {
  return element(
    'dl',
    { className: 'facts plain' },
    pairs.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
  )
}

function message(title, given) {
  if (!given) return ''
  const { headers, body } = given
  const cut = body.cut ? `, its beginning of ${bytes(body.length)}` : ''
  return element(
    'details',
    {},
    element('summary', {}, title),
    element(
      'pre',
      { className: 'letter', tabIndex: 0 },
      headers.map(([name, value]) => `${name}: ${value}`).join('\n'),
    ),
    body.length > 0 && bodyOf(body, cut),
  )
}

/** Of what is no text, only what it is. */
function bodyOf({ length, text, type, sha256 }, cut) {
  if (text !== undefined) {
    const shown = element('pre', { className: 'letter', tabIndex: 0 }, text)
    return [element('p', { className: 'hint' }, `Body${cut}:`), shown]
  }
  const digest = sha256 ? `, SHA-256 ${sha256}` : ''
  return element('p', { className: 'hint' }, `Body: ${bytes(length)} of ${type}${digest}`)
}
