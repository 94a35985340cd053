/**
 * Makes an element: `element('a', { href: '#x', className: 'button' }, 'Text', child)`. Text is always text and never markup, whoever
 * wrote it; children that are `undefined`, `null` or `false` are left out.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue
    if (/^(aria-|data-|role$|form$|list$)/.test(key)) made.setAttribute(key, value)
    else made[key] = value
  }
  made.append(...present(children))
  return made
}

function present(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== undefined && child !== null && child !== false)
}

/** A button that is busy while its work lasts, so that nobody starts it twice. */
export function button(text, work, properties = {}) {
  const made = element('button', { type: 'button', ...properties }, text)
  made.addEventListener('click', () => void whileBusy(made, work))
  return made
}

export async function whileBusy(control, work) {
  if (control.getAttribute('aria-disabled') === 'true') return
  // Not `disabled`, which would lose the focus.
  control.setAttribute('aria-disabled', 'true')
  try {
    await work()
  } finally {
    control.removeAttribute('aria-disabled')
  }
}

let ids = 0

export function newId(name) {
  return `${name}-${++ids}`
}

/** A part of a page under a heading of its own. */
export function card(title, ...children) {
  const id = newId('card')
  return element(
    'section',
    { className: 'card', 'aria-labelledby': id },
    element('h2', { id, tabIndex: -1 }, title),
    ...children,
  )
}

export function hint(...children) {
  return element('p', { className: 'hint' }, ...children)
}

let hiding

/** Says in a few words what was done, to eyes and ears; gone after a while. */
export function tell(text) {
  const place = document.getElementById('announcer')
  place.textContent = text
  clearTimeout(hiding)
  hiding = setTimeout(() => (place.textContent = ''), 6000)
}
