import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { Reply, type RequestFacts } from '#kernel/http/route.ts'
import { problems } from './problems.ts'

const CONSOLE = join(import.meta.dirname, '../../../console')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** What there was at start, and nothing else, can be asked for. */
const FILES = new Map(
  readdirSync(CONSOLE, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const type = TYPES[extname(name)]
    return type ? [[name.replaceAll('\\', '/'), type] as const] : []
  }),
)

/** For our own pages: nothing but our own files, and no script or style in the page itself. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** A page of the console may show others of this server in a frame; they have policies of their own. */
export function policyFor(name: string): string | undefined {
  return name.endsWith('.html') ? `${PAGE_POLICY}; frame-src 'self'` : undefined
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

/** @param name its path below `console/`. @throws problem `console.unknown_file` */
export async function consoleFile(name: string): Promise<Asset> {
  const type = FILES.get(name)
  if (!type) throw problems.unknownFile()
  return asset(await readFile(join(CONSOLE, name)), type)
}
