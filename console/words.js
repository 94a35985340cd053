/** Text in which `code` is set apart. */
export function paragraph(text) {
  const made = document.createElement('p')
  for (const [index, part] of text.split('`').entries()) {
    const code = document.createElement('code')
    code.textContent = part
    made.append(index % 2 === 1 ? code : part)
  }
  return made
}

/** `must have 15 characters` becomes `Must have 15 characters.` */
export function sentence(text) {
  const whole = text[0].toUpperCase() + text.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}

/** What a refusal says, a paragraph each. */
export function paragraphsOf({ title, detail, suggestion, errors = [] }) {
  const messages = errors.map(({ message }) => sentence(message))
  const lines = errors.length > 0 ? messages : [sentence(title), detail, suggestion]
  return [...new Set(lines)].filter(Boolean).map(paragraph)
}
