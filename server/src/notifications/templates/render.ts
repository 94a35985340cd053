import { en } from './en.ts'
import { markup, type SafeHtml } from './html.ts'
import type { Block, Letter, TemplateName, Templates } from './values.ts'

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
  const letter = fill(values)
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
  return markup`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${subject}</title>
</head>
<body style="margin:0;padding:24px;font-family:system-ui,sans-serif;font-size:16px;line-height:1.5">
<div style="max-width:560px;margin:0 auto">
<h1 style="font-size:20px">${subject}</h1>
${body.map(blockOf)}</div>
</body>
</html>
`.text
}

const BUTTON =
  'display:inline-block;padding:10px 16px;border-radius:6px;background:#1f5fd1;color:#fff;text-decoration:none'

function blockOf(block: Block): SafeHtml {
  if (typeof block === 'string') return markup`<p>${block}</p>\n`
  if ('link' in block) {
    return markup`<p><a href="${block.link}" style="${BUTTON}">${block.action}</a></p>
<p style="font-size:13px;word-break:break-all">${block.link}</p>\n`
  }
  const rows = factsOf(block)
  if (rows.length === 0) return markup``
  const lines = rows.map(([name, value]) => markup`<strong>${name}</strong>: ${value}<br>`)
  return markup`<p>${lines}</p>\n`
}

function factsOf({ facts }: { facts: Record<string, string | undefined> }): [string, string][] {
  return Object.entries(facts).filter((fact): fact is [string, string] => Boolean(fact[1]))
}
