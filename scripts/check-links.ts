// Every relative link and anchor in the Markdown files leads somewhere.
import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Violation } from './borders/source.ts'
import { checkout } from './lib/checkout.mjs'
import { findFiles, readText } from './lib/files.ts'
import { reportViolations } from './lib/violations.ts'

const LINK = /\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+["'(][^\n]*?["')])?\s*\)/g
const DEFINITION = /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm
const HTML = /<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]*)"/g

export function checkLinks(root: string): Violation[] {
  return findFiles(root, '**/*.md').flatMap((path) => {
    const text = blankCode(readText(root, path))
    return [LINK, DEFINITION, HTML].flatMap((pattern) =>
      [...text.matchAll(pattern)].flatMap((match) => {
        const message = refuse(root, path, match[1]!)
        const line = text.slice(0, match.index).split('\n').length
        return message ? [{ path, line, message }] : []
      }),
    )
  })
}

function refuse(root: string, from: string, target: string): string | undefined {
  if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) return undefined
  const [file = '', anchor] = target.split('#').map(decodeURIComponent)
  const base = file.startsWith('/') ? root : dirname(join(root, from))
  const found = file === '' ? join(root, from) : join(base, file)
  if (relative(root, found).startsWith('..')) return `the link ${target} leaves the repository`
  if (!existsSync(found)) return `the link ${target} leads nowhere`
  if (!anchor || !found.endsWith('.md') || statSync(found).isDirectory()) return undefined
  if (anchorsOf(readText(root, relative(root, found))).has(anchor)) return undefined
  return `the link ${target} names an anchor that is not there`
}

/** The names that headings get from GitHub, and those that HTML in the text sets. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  const text = blankFences(markdown)
  for (const [, heading] of text.matchAll(/^ {0,3}#{1,6}\s+(.+?)\s*#*$/gm)) {
    const name = slug(heading!)
    let unique = name
    for (let nth = 1; anchors.has(unique); nth++) unique = `${name}-${nth}`
    anchors.add(unique)
  }
  for (const [, name] of text.matchAll(/<\w+\b[^>]*?\b(?:id|name)="([^"]+)"/g)) anchors.add(name!)
  return anchors
}

function slug(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<[^>]+>/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

/** Code is no link; its lines stay, so that the numbers of the others do. */
function blankCode(markdown: string): string {
  return blankFences(markdown).replace(/(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, (code) =>
    ' '.repeat(code.length),
  )
}

function blankFences(markdown: string): string {
  return markdown.replace(/^ {0,3}(```+|~~~+)[^\n]*\n[\s\S]*?^ {0,3}\1[`~]*\s*$/gm, (block) =>
    block.replace(/[^\n]/g, ' '),
  )
}

if (import.meta.main) reportViolations(checkLinks(checkout))
