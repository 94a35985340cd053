import type { Capability } from '#kernel/capability.ts'
import { categoryOf, type ProblemKind } from '#kernel/problem.ts'
import { escapeHtml } from '#kernel/html.ts'
import { page } from './html.ts'

export interface CatalogueGroup {
  /** The first part of its codes. */
  name: string
  kinds: ProblemKind[]
}

/** Every code that the API answers with, grouped by its first part. */
export function errorCatalogue(capabilities: readonly Capability[]): CatalogueGroup[] {
  const kinds = capabilities
    .flatMap(({ problems = {} }) => Object.values(problems))
    .map(({ kind }) => kind)
    .sort((a, b) => (a.code < b.code ? -1 : 1))
  const groups = Map.groupBy(kinds, ({ code }) => code.split('.', 1)[0]!)
  return [...groups].map(([name, kinds]) => ({ name, kinds }))
}

/** The catalogue as a page; a problem's `type` leads to its code's place on it. */
export function cataloguePage(groups: readonly CatalogueGroup[]): string {
  const links = groups.map(({ name }) => `<a href="#group-${name}">${escapeHtml(name)}</a>`)
  return page({
    title: 'Gantry: errors',
    styles: ['/console/style.css'],
    body: `<main class="catalogue">
<p><a href="/">Gantry</a> · <a href="/api/docs">API</a></p>
<h1>Errors</h1>
<p>Every refusal is <code>application/problem+json</code>. Its <code>code</code> stays the same for ever, so that is what to
switch on; <code>correlationId</code> finds the request in the log.</p>
<nav aria-label="Groups">${links.join(' ')}</nav>
${groups.map(section).join('\n')}
</main>`,
  })
}

function section({ name, kinds }: CatalogueGroup): string {
  return `<h2 id="group-${name}">${escapeHtml(name)}</h2>\n${kinds.map(entry).join('\n')}`
}

function entry(kind: ProblemKind): string {
  const { code, status, title, detail, suggestion } = kind
  const what = [
    detail && `<p>${text(detail)}</p>`,
    suggestion && `<p class="cure">${text(suggestion)}</p>`,
  ]
  return `<article id="${escapeHtml(code)}">
<h3><a href="#${escapeHtml(code)}"><code>${escapeHtml(code)}</code></a> <span class="status">${status} ${categoryOf(kind)}</span></h3>
<p><strong>${escapeHtml(title)}.</strong></p>
${what.filter(Boolean).join('\n')}
</article>`
}

/** Escaped, with \`code\` in its element. */
function text(source: string): string {
  return escapeHtml(source).replace(/`([^`]+)`/g, '<code>$1</code>')
}
