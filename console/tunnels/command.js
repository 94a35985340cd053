import { copyButton } from '../shared/copy.js'
import { element, newId } from '../shared/elements.js'

/** What to run where the service is, ready to be copied. */
export function commandOf({ name, kind, endpoints }) {
  const port = endpoints[0] && new URL(endpoints[0].url.replace(/^tcp:/, 'http:')).port
  return `gantry tunnel ${kind} ${port || (kind === 'tcp' ? 5432 : 3000)} --name ${name}`
}

export function commandLine(tunnel) {
  const id = newId('command')
  const code = element('code', { id }, commandOf(tunnel))
  return element(
    'div',
    { className: 'command' },
    element('pre', { tabIndex: 0, 'aria-label': 'Command' }, code),
    copyButton(() => code.textContent, code, { ariaLabel: 'Copy the command' }),
  )
}
