import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Problem } from '../problem.ts'
import { SECURITY_HEADERS } from './edge.ts'
import { problemBody } from './failures.ts'
import { httpProblems } from './problems.ts'

/** Answers what is no request of HTTP at all. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  answerBare(socket, whatIsBroken(error.code))
}

function whatIsBroken(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return httpProblems.headersTooLarge()
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return httpProblems.tooSlow()
  return httpProblems.malformed({ detail: 'The request is not well-formed HTTP.' })
}

/** Answers who takes us for a proxy; Node would hang up without a word. */
export function answerConnect(_request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => {})
  answerBare(socket, httpProblems.methodNotAllowed({ path: 'This server', allowed: ALLOWED }))
  // Whoever does not hang up is hung up on: no timeout of HTTP counts for this connection any more.
  const cut = setTimeout(() => socket.destroy(), CUT_AFTER_MS).unref()
  socket.once('close', () => clearTimeout(cut)).resume()
}

const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const CUT_AFTER_MS = 1_000

/** A problem on a connection that no request handler owns; nothing more is read from it. */
export function answerBare(
  socket: Duplex,
  problem: Problem,
  path = '/',
  id: string = randomUUID(),
): void {
  const body = JSON.stringify(problemBody(problem, path, id))
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-correlation-id': id,
    ...(problem.facts.allowed !== undefined && { allow: String(problem.facts.allowed) }),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const first = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n`
  socket.end(`${first}${lines.join('')}\r\n${body}`)
}
