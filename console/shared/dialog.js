import { button, element, newId } from './elements.js'

/**
 * Opens one dialog over the page, which keeps the focus in it; resolves to what `close` was called with, or to `undefined` when the person
 * left it. @param contentOf gets `close`
 */
export function openDialog(title, contentOf) {
  const { promise, resolve } = Promise.withResolvers()
  const id = newId('dialog')
  const close = (result) => {
    resolve(result)
    dialog.close()
  }
  const dialog = element(
    'dialog',
    { 'aria-labelledby': id },
    element('h2', { id, tabIndex: -1 }, title),
    contentOf(close),
  )
  const before = document.activeElement
  dialog.addEventListener('close', () => {
    resolve(undefined)
    dialog.remove()
    if (before?.isConnected) before.focus()
  })
  document.body.append(dialog)
  dialog.showModal()
  const first = dialog.querySelector('input, select, textarea') ?? dialog.querySelector('button')
  first?.focus()
  return promise
}

/** Asks before what cannot be undone. */
export async function confirmed({ title, text, yes }) {
  const sure = await openDialog(title, (close) => [
    element('p', {}, text),
    element(
      'p',
      { className: 'actions' },
      button('Cancel', () => close(false)),
      button(yes, () => close(true), { className: 'danger' }),
    ),
  ])
  return sure === true
}
