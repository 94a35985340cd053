import type { ClientRequest, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Calls } from '../calls.ts'
import { errorFrom } from '../error.ts'
import { http } from './node-http.ts'

/** The calls of the API that an agent makes. */
export type AgentCalls = Pick<Calls, 'GET' | 'POST' | 'PATCH'>

/** Longer than the API takes for any of them. */
const ANSWER_DEADLINE_MS = 60_000

interface Asked {
  params?: { path?: Record<string, string>; query?: Record<string, string | number> }
  body?: unknown
  signal?: AbortSignal
}

/**
 * Calls with a key, for an agent that has nothing else to ask: of its start, a client of the whole API takes as long to load as all
 * the rest. Knows no proxy. `url` is without a slash at the end.
 */
export function keyCalls({ url, accessToken }: { url: string; accessToken: string }): AgentCalls {
  const call =
    (method: string) =>
    async (path: string, asked: Asked = {}) => {
      const answer = await ask(method, new URL(url + filled(path, asked)), accessToken, asked)
      const { statusCode: status = 0, statusMessage: statusText = '' } = answer
      const body = await text(answer.setEncoding('utf8')).catch(failed)
      if (status < 200 || status > 299) throw errorFrom({ status, statusText }, body)
      return { data: body === '' ? undefined : (JSON.parse(body) as unknown) }
    }
  const calls = { GET: call('GET'), POST: call('POST'), PATCH: call('PATCH') }
  return calls as unknown as AgentCalls
}

function filled(path: string, { params: { path: members = {}, query } = {} }: Asked): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(members[name]!))
  const words = Object.entries(query ?? {}).map(([name, value]) => [name, String(value)])
  return words.length === 0 ? filled : `${filled}?${new URLSearchParams(words).toString()}`
}

async function ask(
  method: string,
  url: URL,
  accessToken: string,
  { body, signal }: Asked,
): Promise<IncomingMessage> {
  const late = AbortSignal.timeout(ANSWER_DEADLINE_MS)
  const ended = signal ? AbortSignal.any([signal, late]) : late
  const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers = {
    ...{ accept: 'application/json', authorization: `Bearer ${accessToken}` },
    ...(content && { 'content-type': 'application/json', 'content-length': content.length }),
  }
  const { request: open } = url.protocol === 'https:' ? await import('node:https') : http
  const request: ClientRequest = open(url, { method, headers, signal: ended })
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', (error) => {
      reject(ended.aborted ? (ended.reason as Error) : unanswered(error))
    })
    request.end(content)
  })
}

/** As `fetch` says it, so that whoever tells of it knows one kind. */
function unanswered(cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause })
}

function failed(error: unknown): never {
  throw unanswered(error)
}
