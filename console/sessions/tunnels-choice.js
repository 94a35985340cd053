import { callForAll } from '../shared/api.js'
import { element, newId } from '../shared/elements.js'

/** As many as one session takes. */
const MOST = 8

/**
 * Which tunnels the pages of a new session reach: the account's own and those that are shared with the person, of HTTP. Reads as a field
 * of a form; `undefined` where there are none to choose from.
 */
export async function tunnelsChoice({ held }) {
  if (!held.has('tunnels.read')) return undefined
  const answers = await Promise.all(['/tunnels', '/shared-tunnels'].map((path) => callForAll(path)))
  const all = answers.flatMap(({ ok, body }) => (ok ? body.items : []))
  const open = new Map(all.filter(isUsable).map((tunnel) => [tunnel.id, tunnel]))
  return open.size > 0 ? choiceOf([...open.values()]) : undefined
}

function isUsable({ kind, suspension }) {
  return kind === 'http' && !suspension
}

function choiceOf(tunnels) {
  const error = element('p', { className: 'error', id: newId('tunnels') })
  const boxes = tunnels.map(box)
  const node = element(
    'fieldset',
    { 'aria-describedby': error.id },
    element('legend', {}, 'Tunnels ', element('span', { className: 'optional' }, 'optional')),
    element('p', { className: 'hint' }, `Its pages, and no others, reach them. ${MOST} at most.`),
    error,
    element('div', { className: 'scopes' }, boxes),
  )
  const value = () => [...node.querySelectorAll('input:checked')].map((one) => one.value)
  return {
    ...{ name: 'tunnels', path: 'body.tunnels', node, value },
    focus: () => node.querySelector('input').focus(),
    isMissing: () => false,
    isWrong: () => error.textContent !== '',
    say: (message) => (error.textContent = message),
  }
}

function box({ id, name, status }) {
  const input = element('input', { type: 'checkbox', id: newId('tunnel'), value: id })
  const away = status === 'connected' ? '' : element('span', { className: 'hint' }, ` (${status})`)
  return element('label', { htmlFor: input.id }, input, element('span', {}, name, away))
}
