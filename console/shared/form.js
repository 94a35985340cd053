import { element, newId, whileBusy } from './elements.js'
import { alertPlace, clear, showProblem } from './problem.js'
import { sentence } from './words.js'

/**
 * A form that sends once, shows refusals at the fields that they are about, and puts the focus there.
 *
 * @param fields what `field` and its like made, and anything to stand between them
 * @param send gets the values by name; resolves to the answer of a call
 * @param done gets the good answer
 */
export function form({ fields, submit: text, send, done, className, aside = [] }) {
  const alert = alertPlace()
  const submit = element('button', { className: className ?? 'button primary' }, text)
  const made = element(
    'form',
    { noValidate: true },
    ...[alert, ...fields.map((one) => one.node ?? one)],
    element('p', { className: 'actions' }, submit, ...aside),
  )
  const inputs = fields.filter((one) => one.node)
  made.addEventListener('submit', (event) => {
    event.preventDefault()
    void whileBusy(submit, async () => {
      clear(alert)
      for (const input of inputs) input.say('')
      if (refuseEmpty(inputs)) return
      submit.textContent = 'One moment…'
      const answer = await send(
        Object.fromEntries(inputs.map(({ name, value }) => [name, value()])),
      )
      submit.textContent = text
      if (!answer) return
      if (answer.ok) await done?.(answer.body, made)
      else refuse(answer, inputs, alert)
    })
  })
  return made
}

function refuseEmpty(inputs) {
  const empty = inputs.filter(({ isMissing }) => isMissing())
  for (const input of empty) input.say('Fill this in.')
  empty[0]?.focus()
  return empty.length > 0
}

function refuse(answer, inputs, alert) {
  const { errors = [] } = answer.body
  const told = []
  for (const { path, message } of errors) {
    const input = inputs.find(({ path: own }) => path === own || path.startsWith(`${own}.`))
    if (!input) continue
    input.say(sentence(message))
    told.push(path)
  }
  showProblem(alert, answer, told)
  const first = inputs.find(({ isWrong }) => isWrong())
  if (first) first.focus()
  else alert.focus()
}

/**
 * One labelled field. `path` is where the API looks for it in a request, `body.` and its name unless given; an optional one that is left
 * empty has no value.
 */
export function field({ name, label, hint, optional, path = `body.${name}`, value = '', ...rest }) {
  const input = element(rest.options ? 'select' : (rest.element ?? 'input'), { name })
  if (rest.options) input.append(...rest.options.map((one) => option(one, value)))
  const { options: _options, element: _element, ...properties } = rest
  // What a form that is sent goes back to.
  if (!rest.options) input.defaultValue = value
  Object.assign(input, properties, { id: newId(name), value })
  input.required = !optional
  const error = element('p', { className: 'error', id: `${input.id}-error` })
  const about = hint && element('p', { className: 'hint', id: `${input.id}-hint` }, hint)
  input.setAttribute('aria-describedby', [about?.id, error.id].filter(Boolean).join(' '))
  const words = element('label', { htmlFor: input.id }, label)
  if (optional) words.append(' ', element('span', { className: 'optional' }, 'optional'))
  return {
    ...{ name, path, input },
    node: element('div', { className: 'field' }, words, input, about, error),
    value: () => (optional && input.value === '' ? undefined : input.value),
    focus: () => input.focus(),
    isMissing: () => !optional && input.value === '',
    isWrong: () => input.hasAttribute('aria-invalid'),
    say(message) {
      // Several things may be wrong with one field.
      error.textContent = message && [error.textContent, message].filter(Boolean).join(' ')
      if (message) input.setAttribute('aria-invalid', 'true')
      else input.removeAttribute('aria-invalid')
    },
  }
}

function option({ value, text }, chosen) {
  return element('option', { value, defaultSelected: value === chosen }, text)
}

/** A field that is ticked or not. */
export function tick({ name, label, hint, checked = false, path = `body.${name}` }) {
  const input = element('input', { type: 'checkbox', id: newId(name), name, checked })
  const error = element('p', { className: 'error', id: `${input.id}-error` })
  const about = hint && element('span', { className: 'hint' }, hint)
  input.setAttribute('aria-describedby', error.id)
  const words = element('label', { htmlFor: input.id }, label, about && [' ', about])
  return {
    ...{ name, path, input },
    node: element('div', { className: 'tick' }, input, words, error),
    value: () => input.checked,
    focus: () => input.focus(),
    isMissing: () => false,
    isWrong: () => error.textContent !== '',
    say: (message) => (error.textContent = message),
  }
}
