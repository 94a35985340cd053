import { element, tell } from './elements.js'

/** A button that copies what `textOf` gives; where the clipboard is out of reach it selects `shown` instead. */
export function copyButton(textOf, shown, properties = {}) {
  const made = element('button', { type: 'button', ...properties }, 'Copy')
  made.addEventListener('click', async () => {
    const copied = await copy(textOf())
    // Pages that came over plain HTTP from another machine may not touch the clipboard.
    if (!copied) getSelection().selectAllChildren(shown)
    made.textContent = copied ? 'Copied' : 'Ctrl+C'
    tell(copied ? 'Copied' : 'Selected: press Control and C to copy')
    setTimeout(() => (made.textContent = 'Copy'), 2000)
  })
  return made
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

/** Gives the text to the person as a file. */
export function download(name, text) {
  const href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  element('a', { href, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(href), 10_000)
}
