import { call } from '../shared/api.js'
import { card, element, hint, tell } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { controlBar } from './control-bar.js'
import { dialogBar } from './dialog-bar.js'
import { followInput } from './input.js'
import { openLiveSocket } from './live-socket.js'
import { openScreen } from './screen.js'

/** What the pages of a session look like now, and a way to drive them. */
export function liveViewCard(path, mayDrive) {
  const screen = openScreen()
  const line = element('p', { className: 'hint', role: 'status' }, 'Connecting…')
  const say = (text) => (line.textContent = text)
  const stage = element('div', { className: 'stage' })
  // Bound late: the socket needs the bars, and the bars need the socket.
  const send = (message) => {
    if (message.type !== 'ack') control.renew()
    sendNow(message)
  }
  const control = controlBar((message) => sendNow(message))
  const dialog = dialogBar(send)
  const pages = pageChoice((page) => send({ type: 'select', page }))
  const writer = followInput(screen, { send, drives: control.drives, begin: control.take })
  stage.append(screen.canvas, writer)

  const hear = (message) => {
    for (const part of [control, dialog, pages]) part.hear(message)
    if (message.type === 'hello') say('')
    if (message.type === 'notice') tell(message.message)
  }
  const made = card(
    'Live view',
    control.place,
    pages.place,
    dialog.place,
    mayDrive && element('div', { className: 'in-line' }, addressForm(path, control)),
    stage,
    line,
    mayDrive &&
      hint('A click into the picture takes control, if nobody has it. Shift and Escape lead out.'),
  )
  const end = (text) => made.replaceChildren(made.firstChild, hint(text))
  const sendNow = openLiveSocket(path, made, { hear, show: screen.show, say, end })
  return made
}

/** A command is somebody else than a live view, so that control is given back for as long as it takes. */
function addressForm(path, control) {
  return form({
    fields: [
      field({
        ...{ name: 'url', label: 'Go to', type: 'url', autocomplete: 'off', spellcheck: false },
      }),
    ],
    submit: 'Go',
    className: 'button',
    send: async ({ url }) => {
      const drove = control.drives()
      await control.release()
      const answer = await call('POST', `${path}/navigate`, { url })
      if (drove) control.ask()
      return answer
    },
  })
}

/** Unseen while there is one page only. */
function pageChoice(choose) {
  const select = element('select', { 'aria-label': 'Page' })
  const place = element('p', { className: 'pages', hidden: true }, select)
  let isChosen = false
  let listed
  select.addEventListener('change', () => {
    isChosen = select.value !== ''
    choose(isChosen ? Number(select.value) : null)
  })
  function list(pages) {
    listed = JSON.stringify(pages)
    const options = pages.map(({ page, title, url, active }) =>
      element('option', { value: page }, `${title || url}${active ? ' (in front)' : ''}`),
    )
    select.replaceChildren(element('option', { value: '' }, 'The page in front'), ...options)
  }
  return {
    place,
    hear({ pages, watching }) {
      if (!pages) return
      place.hidden = pages.length < 2
      if (JSON.stringify(pages) !== listed) list(pages)
      select.value = isChosen && watching !== null ? String(watching) : ''
    },
  }
}
