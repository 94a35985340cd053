import { element, newId } from '../shared/elements.js'

/** What a key may be allowed: the permissions that the person holds, by noun. Reads as a field of a form. */
export function scopesField({ all, held }) {
  const error = element('p', { className: 'error', id: newId('scopes') })
  const nouns = Map.groupBy(
    [...held].filter((name) => !name.startsWith('keys.')).sort(),
    (name) => name.split('.')[0],
  )
  const groups = [...nouns].map(([noun, names]) => group(noun, names, isWhole(noun, all, held)))
  const node = element(
    'fieldset',
    { 'aria-describedby': error.id },
    element('legend', {}, 'What it may do'),
    error,
    element('div', { className: 'scopes' }, groups),
  )
  const value = () =>
    [...node.querySelectorAll('input:checked:not(:disabled)')].map((one) => one.value)
  return {
    ...{ name: 'scopes', path: 'body.scopes', node, value },
    focus: () => node.querySelector('input')?.focus(),
    isMissing: () => value().length === 0,
    isWrong: () => error.textContent !== '',
    say: (message) => (error.textContent = message),
  }
}

function isWhole(noun, all, held) {
  return [...all].filter((name) => name.startsWith(`${noun}.`)).every((name) => held.has(name))
}

function group(noun, names, whole) {
  const ones = names.map((name) => box(name, name.split('.')[1]))
  const every = whole && names.length > 1 ? box(`${noun}.*`, 'everything') : undefined
  every?.input.addEventListener('change', () => {
    for (const { input } of ones) input.disabled = every.input.checked
  })
  return element(
    'div',
    { role: 'group', 'aria-label': noun },
    element('strong', {}, noun),
    ...[every?.node, ones.map(({ node }) => node)],
  )
}

function box(value, text) {
  const input = element('input', {
    type: 'checkbox',
    id: newId('scope'),
    value,
    'aria-label': value,
  })
  return { input, node: element('label', { htmlFor: input.id }, input, text) }
}
