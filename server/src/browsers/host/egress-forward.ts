import {
  type IncomingMessage,
  type ServerResponse,
  request as ask,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EgressFailure } from './egress-failure.ts'

export interface Onward {
  /** Open already; closed when the exchange is over. */
  target: Duplex
  /** `/path`, or a whole URL for an upstream. */
  path: string
  host: string
  headers?: Record<string, string>
  /** Whether an answer 407 comes from the session's own proxy. */
  isUpstream: boolean
}

/** Headers of servers that set many cookies. */
export const MAX_HEADER_BYTES = 256 * 1024
const HOP_BY_HOP =
  /^(connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade)$/

/**
 * Passes one plain HTTP exchange on over a connection of its own. Once the answer has begun, whatever breaks breaks the client's
 * connection.
 *
 * @throws Error of the connection, or EgressFailure, while nothing was answered yet
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { target, path, host, headers = {}, isUpstream }: Onward,
): Promise<void> {
  const { 'transfer-encoding': encoding } = request.headers
  const asked = ask({
    ...{ createConnection: () => target, method: request.method, path, setHost: false },
    ...{ insecureHTTPParser: true, maxHeaderSize: MAX_HEADER_BYTES },
    headers: [
      ...['host', host],
      ...passedOn(request, /^(host|expect)$/),
      ...(encoding === undefined ? [] : ['transfer-encoding', 'chunked']),
      ...Object.entries(headers).flat(),
    ],
  })
  const close = () => asked.destroy()
  response.once('close', close)
  try {
    const answer = await answered(asked, request).catch((error: NodeJS.ErrnoException) => {
      throw isUpstream ? new EgressFailure('upstream_unreachable', error.code) : error
    })
    checkAnswer(answer, isUpstream)
    const statusMessage = answer.statusMessage?.replace(/[^\t -~]/g, '')
    response.writeHead(answer.statusCode!, statusMessage, passedOn(answer))
    await pipeline(answer, response).catch(() => {})
  } finally {
    target.destroy()
  }
}

function answered(asked: ReturnType<typeof ask>, request: IncomingMessage) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  asked.once('response', resolve).on('error', reject)
  // Not a pipeline: an answer may come before all of the body is sent, and is to be passed on.
  request.pipe(asked)
  return promise
}

function checkAnswer({ statusCode = 0 }: IncomingMessage, isUpstream: boolean): void {
  if (statusCode === 407 && isUpstream) throw new EgressFailure('upstream_credentials')
  // Chromium would take it for a demand of this gateway.
  if (statusCode === 407) throw new EgressFailure('unreachable', 'it answered 407')
  if (statusCode < 200 || statusCode > 999) {
    throw new EgressFailure('unreachable', `it answered ${statusCode}`)
  }
}

/** Headers but those of one connection, which are the listed ones and those that `Connection` names. */
function passedOn({ rawHeaders, headers }: IncomingMessage, besides?: RegExp): string[] {
  const named = new Set(headers.connection?.toLowerCase().split(/\s*,\s*/))
  // Two lengths of one body would let the next answer on the connection begin in the middle of this one.
  if (headers['transfer-encoding'] !== undefined) named.add('content-length')
  const isPassed = (name: string) =>
    !HOP_BY_HOP.test(name) && !named.has(name) && !besides?.test(name)
  const passed: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
    if (isPassed(name.toLowerCase()) && isSendable(name, value)) passed.push(name, value)
  }
  return passed
}

/** The lenient parser lets through what Node would not send again. */
function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
