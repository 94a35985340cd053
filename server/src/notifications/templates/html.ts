/** HTML that may stand in a page as it is. */
export interface SafeHtml {
  readonly text: string
}

type Part = string | SafeHtml | readonly SafeHtml[]

/** A template tag: what is put in is escaped, unless it was made by this tag itself. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): SafeHtml {
  const filled = parts.map((part, index) => inner(part) + texts[index + 1])
  return { text: texts[0] + filled.join('') }
}

/** Text of our own that needs no escaping. */
export function trusted(text: string): SafeHtml {
  return { text }
}

function inner(part: Part): string {
  if (typeof part === 'string') return escape(part)
  return [part]
    .flat()
    .map((each) => (each as SafeHtml).text)
    .join('')
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!)
}
