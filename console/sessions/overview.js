import { copyButton } from '../shared/copy.js'
import { confirmed } from '../shared/dialog.js'
import { element, tell } from '../shared/elements.js'
import { act } from '../shared/parts.js'
import { moment } from '../shared/words.js'
import { isOpen, nameOf, sessionStatus } from './status.js'

/** Where a session is, how it is, and what can be done with all of it. */
export function overview(path, session, refresh) {
  const { currentUrl, id } = session
  const address = element('code', {}, id)
  return [
    currentUrl ? element('p', { className: 'address' }, currentUrl) : '',
    element('p', {}, element('strong', {}, sessionStatus(session)), ...timesOf(session)),
    session.errorMessage ? element('p', {}, session.errorMessage) : '',
    element(
      'p',
      { className: 'with-button' },
      address,
      copyButton(() => id, address, { ariaLabel: 'Copy the id' }),
    ),
    session.tunnels ? element('p', {}, reachOf(session.tunnels)) : '',
    session.wipe ? element('p', { className: 'hint' }, leftOf(session.wipe)) : '',
    isOpen(session) ? actions(path, session, refresh) : '',
  ].filter(Boolean)
}

function timesOf(session) {
  const { createdAt, expiresAt, endTime } = session
  if (endTime) return [', from ', moment(createdAt), ' to ', moment(endTime)]
  return [', from ', moment(createdAt), ', until ', moment(expiresAt), ' at the latest']
}

function reachOf(tunnels) {
  return `Its pages reach ${tunnels.map(({ url }) => url).join(', ')}.`
}

function leftOf({ processes, directories, sockets }) {
  if (processes + directories + sockets === 0) return 'Nothing of it is left on the machine.'
  return `Left on the machine: ${processes} processes, ${directories} directories, ${sockets} sockets.`
}

function actions(path, session, refresh) {
  const { cdpUrl, mayDrive } = session
  return element(
    'p',
    { className: 'actions spread' },
    // Who acts as somebody else is told no address.
    cdpUrl && connecting(cdpUrl),
    mayDrive && ending(path, session, refresh),
  )
}

function connecting(cdpUrl) {
  const text = element('span', {}, 'Address for Puppeteer and Playwright')
  const ariaLabel = 'Copy the address for Puppeteer and Playwright'
  return element(
    'span',
    { className: 'with-button' },
    text,
    copyButton(() => cdpUrl, text, { ariaLabel }),
  )
}

function ending(path, session, refresh) {
  return act('End it', {
    ...{ method: 'DELETE', path, className: 'danger' },
    before: () =>
      confirmed({
        title: `End ${nameOf(session)}?`,
        text: 'Its browser stops at once, and everything in it is wiped.',
        yes: 'End it',
      }),
    done: async () => {
      tell('The session has ended.')
      await refresh()
    },
  })
}
