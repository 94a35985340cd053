import { call } from './api.js'
import { button, card, element } from './elements.js'
import { alertPlace, showProblem } from './problem.js'

/**
 * A card whose content comes from the server. It says that it waits, and what is wrong when nothing comes; `refresh` reads again.
 *
 * @param read resolves to the answer of a call
 * @param show makes the content of a good answer; gets `refresh`
 */
export function liveCard(title, { about, read, show }) {
  const place = element('div')
  const refresh = async () => {
    place.setAttribute('aria-busy', 'true')
    if (!place.hasChildNodes()) place.append(element('p', { className: 'hint' }, 'Loading…'))
    const answer = await read()
    place.removeAttribute('aria-busy')
    place.replaceChildren(
      ...[answer.ok ? show(answer.body, refresh) : failed(answer, refresh)].flat(),
    )
  }
  void refresh()
  const made = card(title, about && element('p', { className: 'about' }, about), place)
  return Object.assign(made, { refresh })
}

function failed(answer, refresh) {
  const alert = alertPlace()
  showProblem(alert, answer)
  return [alert, button('Try again', refresh)]
}

/** A list of things, or a sentence that there are none. */
export function rows(items, rowOf, none) {
  if (items.length === 0) return element('p', { className: 'none' }, none)
  return element('ul', { className: 'rows' }, items.map(rowOf))
}

/** One thing of a list: what it is, what is to know about it, and what can be done with it. */
export function row(title, { about = [], badge, actions = [] }) {
  return element(
    'li',
    {},
    element(
      'div',
      {},
      element('p', { className: 'title' }, title, badge && badgeOf(badge)),
      about.map((line) => element('p', { className: 'hint' }, line)),
    ),
    actions.length > 0 && element('div', { className: 'actions' }, actions),
  )
}

/** A word or two in a frame; an element brings its own colour. */
function badgeOf(badge) {
  const status = badge.dataset?.status
  return element('span', { className: 'badge', 'data-status': status ?? false }, badge)
}

/** A button that makes one call; what goes wrong is told right below it. */
export function act(text, { method, path, body, before, done, label, className }) {
  const made = button(
    text,
    async () => {
      if (before && !(await before())) return
      const answer = await call(method, path, body)
      if (answer.ok) return done(answer.body)
      const alert = alertPlace()
      showProblem(alert, answer)
      const place = made.closest('li, .actions, section') ?? made.parentElement
      place.querySelector(':scope > .alert')?.remove()
      place.append(alert)
      alert.focus()
    },
    { className },
  )
  if (label) made.setAttribute('aria-label', label)
  return made
}
