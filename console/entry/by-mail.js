import { element } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { forgetToken } from '../shared/way.js'

/**
 * A card with one step of what mails bring: nothing is sent before its button is pressed, since programs that look through mails follow
 * links too. `done` is what it says then.
 */
export function stepCard({ about, fields = [], submit, send, token, done, after, more }) {
  const place = element('div')
  const arrived = async (answer) => {
    if (token) forgetToken(token)
    const said = element('p', { className: 'done', role: 'status', tabIndex: -1 }, done)
    place.replaceChildren(said, ...(more ? [moreLink(more)] : []))
    said.focus()
    await after?.(answer)
  }
  place.append(element('p', {}, about), form({ fields, submit, send, done: arrived }))
  return element('section', { className: 'card', 'aria-label': submit }, place)
}

function moreLink({ href, text }) {
  return element('p', { className: 'actions' }, element('a', { href, className: 'button' }, text))
}
