import type TurndownService from 'turndown'
import type { ExtractField, ExtractRule } from './page-commands.ts'

/** What came out of a document. */
export type Extraction<Value> =
  | { value: Value; url: string }
  | { invalid: { selector: string; reason: string } }
  | { absent: true }
  | { tooLarge: true }

export interface ExtractionLimits {
  characters: number
  /** Of one list. */
  matches: number
}

type Fields = { [name: string]: ExtractField }

/** Runs in the page, by its source text: nothing from outside it is in scope. What no element is found for is null. */
export function extractFields(
  schema: Fields,
  limits: ExtractionLimits,
): Extraction<Record<string, unknown>> {
  const PROPERTIES = ['href', 'src', 'value']
  let characters = 0

  class Stop {
    readonly outcome: Extraction<never>
    constructor(outcome: Extraction<never>) {
      this.outcome = outcome
    }
  }

  function count(text: string): string {
    characters += text.length + 2
    if (characters > limits.characters) throw new Stop({ tooLarge: true })
    return text
  }

  function find(root: ParentNode, selector: string, most: number): Element[] {
    try {
      if (most > 1) return Array.from(root.querySelectorAll(selector)).slice(0, most)
      const found = root.querySelector(selector)
      return found ? [found] : []
    } catch (error) {
      const reason = (error as Error).message.replace(/^Failed to execute .*?: |\.$/g, '')
      throw new Stop({ invalid: { selector, reason } })
    }
  }

  function readFields(root: ParentNode, fields: Fields): Record<string, unknown> {
    const found: Record<string, unknown> = Object.create(null)
    for (const name of Object.keys(fields)) {
      const field = fields[name]!
      found[count(name)] = readField(root, typeof field === 'string' ? { selector: field } : field)
    }
    return found
  }

  function readField(root: ParentNode, rule: ExtractRule): unknown {
    const own = root instanceof Document ? root.documentElement : (root as Element)
    const most = rule.all ? limits.matches : 1
    const elements = rule.selector === undefined ? [own] : find(root, rule.selector, most)
    const values = elements.map((element) => read(element, rule))
    return rule.all ? values : (values[0] ?? null)
  }

  function read(element: Element, { attribute, fields }: ExtractRule): unknown {
    if (fields) return readFields(element, fields)
    if (attribute === undefined) {
      return count((element.textContent ?? '').replace(/\s+/g, ' ').trim())
    }
    const property = PROPERTIES.includes(attribute) && (element as never)[attribute]
    if (typeof property === 'string') return count(property)
    const text = element.getAttribute(attribute)
    return text === null ? null : count(text)
  }

  try {
    return { value: readFields(document, schema), url: location.href }
  } catch (error) {
    if (error instanceof Stop) return error.outcome
    throw error
  }
}

/** Runs in the page, by its source text. `loadTurndown` is called for Markdown only. */
export function extractContent(
  selector: string | null,
  format: 'markdown' | 'text' | 'html',
  limits: ExtractionLimits,
  loadTurndown: () => typeof TurndownService,
): Extraction<string> {
  const LEFT_OUT =
    'script,style,noscript,template,svg,canvas,iframe,object,embed,[hidden],dialog:not([open])'

  function content(element: Element | null): string {
    const shown = element ?? document.body ?? document.documentElement
    if (format === 'markdown') return markdown(shown)
    if (format === 'text') return (shown as HTMLElement).innerText ?? shown.textContent ?? ''
    return element ? element.outerHTML : doctype() + document.documentElement.outerHTML
  }

  function doctype(): string {
    return document.doctype ? `${new XMLSerializer().serializeToString(document.doctype)}\n` : ''
  }

  /** A copy in a document of its own: there it loads no picture, and no element of the page's making wakes up. */
  function inertCopy(element: Element): Element {
    const apart = document.implementation.createHTMLDocument()
    const root = apart.body
    root.append(apart.importNode(element, true))
    for (const part of root.querySelectorAll(LEFT_OUT)) part.remove()
    for (const name of ['href', 'src']) {
      for (const part of root.querySelectorAll(`[${name}]`)) {
        const url = URL.parse(part.getAttribute(name)!, document.baseURI)
        if (url) part.setAttribute(name, url.href)
      }
    }
    return root
  }

  function markdown(element: Element): string {
    const Turndown = loadTurndown()
    const turndown = new Turndown({
      ...{ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' },
      hr: '---',
    })
    addTables(turndown)
    return turndown.turndown(inertCopy(element) as HTMLElement)
  }

  /** As GitHub writes them: the first row is the head. */
  function addTables(turndown: TurndownService): void {
    turndown.addRule('cell', {
      filter: ['th', 'td'],
      replacement: (text) =>
        ` ${text
          .trim()
          .replace(/\s*\n\s*/g, ' ')
          .replaceAll('|', '\\|')} |`,
    })
    turndown.addRule('row', {
      filter: 'tr',
      replacement: (text, node) => {
        const row = node as HTMLTableRowElement
        const isHead = row.closest('table')?.rows[0] === row
        return `|${text}\n${isHead ? `|${' --- |'.repeat(row.cells.length)}\n` : ''}`
      },
    })
    turndown.addRule('section', {
      filter: ['thead', 'tbody', 'tfoot'],
      replacement: (text) => text,
    })
    turndown.addRule('table', {
      filter: 'table',
      replacement: (text) => `\n\n${text.trim()}\n\n`,
    })
  }

  let element: Element | null
  try {
    element = selector === null ? null : document.querySelector(selector)
  } catch (error) {
    const reason = (error as Error).message.replace(/^Failed to execute .*?: |\.$/g, '')
    return { invalid: { selector: selector!, reason } }
  }
  if (selector !== null && !element) return { absent: true }
  const value = content(element)
  return value.length > limits.characters ? { tooLarge: true } : { value, url: location.href }
}
