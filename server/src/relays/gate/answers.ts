import { randomUUID } from 'node:crypto'
import { categoryOf, type Problem } from '#kernel/problem.ts'
import { problemPage } from './pages.ts'

/** An answer of the relay's own. */
export interface OwnAnswer {
  status: number
  /** Names and values in turn; `Content-Length` is among them. */
  headers: string[]
  body: string
}

/** By which programs know that the answer is not the service's. */
export const ERROR_HEADER = 'Gantry-Tunnel-Error'

/** A refusal as its visitor can read it: a page for browsers, a problem for programs. */
export function answerFor(problem: Problem, { html }: { html: boolean }): OwnAnswer {
  return ownAnswer(problem.status, {
    type: html ? HTML : 'application/problem+json',
    body: html ? problemPage(problem) : JSON.stringify(problemBody(problem)),
    headers: problemHeaders(problem),
  })
}

/** What an answer with this problem has beside its body. */
export function problemHeaders({ code, facts, status }: Problem): string[] {
  const { retryAfterSeconds, challenge = 'Gantry-Tunnel-Token', allow } = facts
  const later = retryAfterSeconds === undefined ? [] : ['Retry-After', String(retryAfterSeconds)]
  // Unless it is given, one that browsers do not know, so that they ask for nothing.
  const asks = status === 401 ? ['WWW-Authenticate', String(challenge)] : []
  const instead = allow === undefined ? [] : ['Allow', String(allow)]
  return [ERROR_HEADER, code, ...later, ...asks, ...instead]
}

/** A page of the relay's own, or a problem: never stored, never shown in another page, without scripts. */
export function ownAnswer(
  status: number,
  { type = HTML, body, headers = [] }: { type?: string; body: string; headers?: readonly string[] },
): OwnAnswer {
  return {
    status,
    headers: [
      ...['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)), ...GUARDS],
      ...headers,
    ],
    body,
  }
}

/** To a place of this host, which `local` has made sure of, or to our own pages. */
export function redirect(location: string, headers: readonly string[] = []): OwnAnswer {
  return {
    status: 303,
    headers: ['Location', location, 'Content-Length', '0', ...GUARDS, ...headers],
    body: '',
  }
}

/** Whether whoever asks reads pages, as browsers do. */
export function wantsHtml(accept: string | undefined): boolean {
  return accept !== undefined && accept.includes('text/html')
}

const HTML = 'text/html; charset=utf-8'
const GUARDS = [
  ...['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'],
  // Without any, the form of the password page would not say where it comes from.
  ...['Referrer-Policy', 'same-origin', 'X-Frame-Options', 'DENY'],
  'Content-Security-Policy',
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  ...['X-Robots-Tag', 'noindex', 'Vary', 'Accept, Cookie'],
]

function problemBody(problem: Problem) {
  const { kind, suggestion } = problem
  return {
    type: 'about:blank',
    title: kind.title,
    status: kind.status,
    detail: problem.message,
    code: kind.code,
    category: categoryOf(kind),
    correlationId: randomUUID(),
    ...(suggestion && { suggestion }),
  }
}
