import { button, element } from '../shared/elements.js'

/** The dialog that holds the page which is watched, and the answers that it takes. */
export function dialogBar(send) {
  const place = element('div', { role: 'alert' })
  const dialogs = new Map()
  let watching
  let shown

  function draw() {
    const dialog = dialogs.get(watching)
    // Lists of pages come while somebody writes an answer, which has to stay.
    if (JSON.stringify(dialog) === shown) return
    shown = JSON.stringify(dialog)
    place.className = dialog ? 'page-dialog' : ''
    place.replaceChildren(...(dialog ? contentOf(dialog, send) : []))
  }
  return {
    place,
    hear(message) {
      if (message.type === 'dialog') dialogs.set(message.page, message.dialog)
      else if (message.pages) {
        dialogs.clear()
        for (const { page, dialog } of message.pages) if (dialog) dialogs.set(page, dialog)
        watching = message.watching
      } else return
      draw()
    },
  }
}

function contentOf({ type, message, text = '' }, send) {
  const isPrompt = type === 'prompt'
  const given = element('input', { value: text, 'aria-label': message || 'Answer' })
  const accept = () =>
    send({ type: 'dialog', accept: true, ...(isPrompt && { text: given.value }) })
  const dismiss = () => send({ type: 'dialog', accept: false })
  const question = type === 'beforeunload' ? 'The page asks whether to leave it.' : message
  return [
    element('p', {}, element('strong', {}, 'The page says: '), question),
    isPrompt && given,
    element(
      'p',
      { className: 'actions' },
      button('OK', accept),
      type === 'alert' ? '' : button('Cancel', dismiss),
    ),
  ].filter(Boolean)
}
