import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Reply, type RequestFacts } from '#kernel/http/route.ts'
import { problems } from './problems.ts'

const CONSOLE = join(import.meta.dirname, '../../../console')

const SCRIPTS = [
  ...[
    'account.js',
    'app.js',
    'health.js',
    'mails.js',
    'panels.js',
    'providers.js',
    'quick-start.js',
  ],
  ...['reference.js', 'session.js', 'setup.js', 'words.js'],
]
const PAGES = ['index.html', 'mails.html']
const CONSOLE_TYPES = new Map([
  ...PAGES.map((name) => [name, 'text/html; charset=utf-8'] as const),
  ['style.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
  ...SCRIPTS.map((name) => [name, 'text/javascript; charset=utf-8'] as const),
])

/** For our own pages: nothing but our own files, and no script or style in the page itself. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** A page of the console may show others of this server in a frame; they have policies of their own. */
export function policyFor(name: string): string | undefined {
  return PAGES.includes(name) ? `${PAGE_POLICY}; frame-src 'self'` : undefined
}

/** One file that browsers keep, and ask after each time they need it. */
export interface Asset {
  readonly content: string | Buffer
  readonly type: string
  readonly etag: string
}

export function asset(content: string | Buffer, type: string): Asset {
  const hash = createHash('sha256').update(content).digest('base64url')
  // Weak, since the same content goes out in several encodings.
  return { content, type, etag: `W/"${hash.slice(0, 22)}"` }
}

export function sendAsset({ content, type, etag }: Asset, request: RequestFacts, policy?: string) {
  const headers = {
    etag,
    'cache-control': 'no-cache',
    ...(policy && { 'content-security-policy': policy }),
  }
  const known = request.headers['if-none-match'] === etag
  return known
    ? new Reply(undefined, { status: 304, headers })
    : Reply.content(content, type, headers)
}

/** @throws problem `console.unknown_file` */
export async function consoleFile(name: string): Promise<Asset> {
  const type = CONSOLE_TYPES.get(name)
  if (!type) throw problems.unknownFile()
  return asset(await readFile(join(CONSOLE, name)), type)
}
