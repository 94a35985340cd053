import { element } from './elements.js'
import { duration, paragraph, sentence } from './words.js'

/** Where a refusal is told: empty and unseen until then. */
export function alertPlace() {
  return element('div', { className: 'alert', role: 'alert', tabIndex: -1, hidden: true })
}

/** What a refusal says, a paragraph each; `told` are the fields whose messages stand beside them. */
function paragraphsOf({ title, detail, suggestion, errors = [] }, told = []) {
  const messages = errors
    .filter(({ path }) => !told.includes(path))
    .map(({ message }) => sentence(message))
  const lines =
    errors.length > 0 ? messages : [sentence(title), detail, suggestion && forPeople(suggestion)]
  return [...new Set(lines)].filter(Boolean).map(paragraph)
}

/** Without what only programs need: here a button or a link does what a call of the API would. */
function forPeople(suggestion) {
  return suggestion
    .split(/(?<=[.;]) /)
    .filter((part) => !/`[A-Z]+ \/v1\//.test(part))
    .join(' ')
    .replace(/;$/, '.')
}

/** Shows the refusal. One that ends by waiting counts down to when it is worth trying again. */
export function showProblem(place, { body, retryAfterSeconds }, told = []) {
  clear(place)
  const lines = paragraphsOf(body, told)
  place.hidden = lines.length === 0
  place.replaceChildren(...lines)
  if (retryAfterSeconds > 1) place.append(countdown(retryAfterSeconds))
}

export function clear(place) {
  place.hidden = true
  place.replaceChildren()
}

/** Ticks for the eyes only: an alert that speaks each second helps nobody. */
function countdown(seconds) {
  const endsMs = Date.now() + seconds * 1000
  const line = element('p', { className: 'countdown', 'aria-live': 'off' }, leftOf(seconds))
  const timer = setInterval(() => {
    const leftSeconds = Math.ceil((endsMs - Date.now()) / 1000)
    line.textContent = leftOf(leftSeconds)
    if (leftSeconds <= 0 || !line.isConnected) clearInterval(timer)
  }, 1000)
  return line
}

function leftOf(seconds) {
  return seconds > 0 ? `Time left: ${duration(seconds)}` : 'You can try again now.'
}
