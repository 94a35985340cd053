import { en } from './en.ts'
import { html, type SafeHtml, trusted } from './html.ts'
import type { Block, Letter, TemplateName, Templates, TemplateValues } from './values.ts'

export interface RenderedMail {
  subject: string
  text: string
  html: string
}

/** A language is added by a file beside `en.ts` and a line here. */
const languages: Readonly<Record<string, Templates>> = { en }
const USUAL = 'en'

/** The language that is there for a wish such as `en-GB`. */
export function languageFor(wanted: string | undefined): string {
  const base = wanted?.toLowerCase().split(/[-_]/)[0] ?? USUAL
  return Object.hasOwn(languages, base) ? base : USUAL
}

/** Fills a template. @throws Error when this version does not know it */
export function renderMail(name: string, language: string, values: unknown): RenderedMail {
  const templates = languages[languageFor(language)]!
  if (!Object.hasOwn(templates, name)) throw new Error(`there is no mail template '${name}'`)
  const fill = templates[name as TemplateName] as (values: unknown) => Letter
  const letter = fill(values as TemplateValues[TemplateName])
  return { subject: letter.subject, text: textOf(letter), html: htmlOf(letter, language) }
}

function textOf({ body }: Letter): string {
  const blocks = body.map((block) => {
    if (typeof block === 'string') return block
    if ('link' in block) return `${block.action}:\n${block.link}`
    return factsOf(block)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')
  })
  return `${blocks.filter(Boolean).join('\n\n')}\n`
}

function htmlOf({ subject, body }: Letter, language: string): string {
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${subject}</title>
      </head>
      <body
        style="margin:0;padding:24px;font-family:system-ui,sans-serif;font-size:16px;line-height:1.5"
      >
        <div style="max-width:560px;margin:0 auto">
          <h1 style="font-size:20px">${subject}</h1>
          ${body.map(blockOf)}
        </div>
      </body>
    </html> `.text
}

function blockOf(block: Block): SafeHtml {
  if (typeof block === 'string') return html`<p>${block}</p> `
  if ('link' in block) {
    return html`<p>
        <a
          href="${block.link}"
          style="display:inline-block;padding:10px 16px;border-radius:6px;background:#1f5fd1;color:#fff;text-decoration:none"
          >${block.action}</a
        >
      </p>
      <p style="font-size:13px;word-break:break-all">${block.link}</p> `
  }
  const rows = factsOf(block)
  if (rows.length === 0) return trusted('')
  return html`<p>
    ${rows.map(([name, value]) => html`<strong>${name}</strong>: ${value}<br />`)}
  </p> `
}

function factsOf({ facts }: { facts: Record<string, string | undefined> }): [string, string][] {
  return Object.entries(facts).filter((fact): fact is [string, string] => Boolean(fact[1]))
}
