import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Problem } from '#kernel/problem.ts'
import { answerFor, type OwnAnswer, wantsHtml } from '../gate/answers.ts'
import { linger } from './linger.ts'

const CUT_AFTER_MS = 1_000

/** Answers in place of the service: with a page for browsers, a problem for programs. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  headers: readonly string[] = [],
): void {
  const html = wantsHtml(request.headers.accept)
  const own = answerFor(problem, { html })
  answerOwn(request, response, { ...own, headers: [...own.headers, ...headers] })
}

export function answerOwn(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: OwnAnswer,
): void {
  if (response.headersSent || response.destroyed) return
  if (!request.complete) linger(request, response)
  // Whoever waits to be told to send its body may send it anyway, or the next request: nobody can tell which.
  const isUnsure = !request.complete && request.headers.expect !== undefined
  // What could not be given of a service's answer may have left its phrase.
  if (request.httpVersionMajor === 1) response.statusMessage = STATUS_CODES[status]!
  response.writeHead(status, isUnsure ? [...headers, 'Connection', 'close'] : headers)
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Ends an answer that is not whole, in a way that whoever reads it can tell. */
export function breakOff(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor === 1) return void response.destroy()
  const { stream } = response as unknown as Http2ServerResponse
  // Node would reset the stream without an error, as if all had been said; with one it tells the request of it.
  request.on('error', () => {})
  stream?.close(constants.NGHTTP2_INTERNAL_ERROR)
  stream?.destroy()
}

/** Answers an upgrade that is refused. */
export function answerUpgrade(socket: Duplex, { status, headers, body }: OwnAnswer): void {
  if (socket.destroyed || socket.writableEnded) return
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  socket.end(`${head}\r\n${body}`)
  const cut = setTimeout(() => socket.destroy(), CUT_AFTER_MS)
  socket.once('close', () => clearTimeout(cut))
  socket.resume()
}
