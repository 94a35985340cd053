import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { mayRetry } from '../balance/retry.ts'
import { breakOff } from '../http/answer.ts'
import { byName, expectsContinue, hasBody, pairs, passedHeaders } from './heads.ts'
import { type PeerLink, Unreached } from './peer-link.ts'
import type { PeerVisit } from './visit.ts'
import { encodeVisit, NO_LINK_STATUS, PEER_HEADERS, type VisitKind } from './wire.ts'

/** What a relay shows to another one, and what the other one has to know. */
export interface Pass {
  token: string
  /** Made up by this process; see `PEER_HEADERS`. */
  nonce: string
  visit: PeerVisit
  /** What is handed over. Nothing that a visitor says may make one of the other. */
  as: VisitKind
}

/** The other relay was lost before it answered, and another one may be asked the same. */
export class Unheard extends Error {
  constructor(cause: unknown) {
    super('the relay was lost before it answered', { cause })
    this.name = 'Unheard'
  }
}

/** Methods that Node takes to have no body, unless a header says that there is one. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/**
 * Hands a visitor's request to the other relay and passes its answer on. A body goes only once the other relay wants to read it, so
 * that a relay without the link leaves it whole for the next one. Resolves to false when it has no link.
 *
 * @throws Unreached, Unheard, or Error when nothing was answered yet and nobody else may be asked
 */
export async function handOver(
  link: PeerLink,
  request: IncomingMessage,
  response: ServerResponse,
  pass: Pass,
): Promise<boolean> {
  const asked = link.ask({
    ...{ method: request.method!, path: request.url! },
    headers: [
      ...passedHeaders(request),
      ...framingOf(request),
      ...peerHeaders(pass, expectsContinue(request)),
    ],
  })
  const body = new Body(request, response, asked)
  const leave = () => asked.destroy()
  response.once('close', leave)
  try {
    const answer = await answerTo(asked, body)
    if (isNoLink(answer, pass)) {
      answer.resume()
      return false
    }
    // A service may begin to answer before it reads.
    body.send()
    await passOn(answer, response)
    return true
  } finally {
    response.off('close', leave)
    // The rest of a body that was not wanted would be taken for the next request of the connection.
    if (!asked.writableFinished) asked.destroy()
  }
}

/** What follows the head of a request, once the other relay wants it. */
class Body {
  readonly request: IncomingMessage
  readonly isThere: boolean
  isSent = false
  readonly #response: ServerResponse
  readonly #asked: ClientRequest

  constructor(request: IncomingMessage, response: ServerResponse, asked: ClientRequest) {
    this.request = request
    this.#response = response
    this.#asked = asked
    this.isThere = hasBody(request)
    if (!this.isThere) asked.end()
  }

  readonly send = (): void => {
    if (!this.isThere || this.isSent) return
    this.isSent = true
    const { request } = this
    if (expectsContinue(request) && !this.#response.headersSent) this.#response.writeContinue()
    request.pipe(this.#asked, { end: false })
    request.once('end', () => {
      if (request.rawTrailers.length > 0) this.#asked.addTrailers(pairs(request.rawTrailers))
      this.#asked.end()
    })
  }
}

export function peerHeaders({ token, nonce, visit, as }: Pass, expects = false): string[] {
  const told = encodeVisit({ visit, as, ...(expects && { expects }) })
  return [PEER_HEADERS.token, token, PEER_HEADERS.nonce, nonce, PEER_HEADERS.visit, told]
}

export function isNoLink({ statusCode, headers }: IncomingMessage, { nonce }: Pass): boolean {
  return statusCode === NO_LINK_STATUS && headers[PEER_HEADERS.nonce] === nonce
}

function framingOf(request: IncomingMessage): string[] {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers
  if (hasBody(request)) {
    const isChunked = encoding !== undefined || length === undefined
    return ['Expect', '100-continue', ...(isChunked ? ['Transfer-Encoding', 'chunked'] : [])]
  }
  // Node would send the beginning of a body else.
  return length === undefined && !BODILESS.has(request.method!) ? ['Content-Length', '0'] : []
}

async function answerTo(asked: ClientRequest, body: Body): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  asked.once('response', resolve).on('error', reject).once('continue', body.send)
  try {
    return await promise
  } catch (error) {
    if (error instanceof Unreached) throw error
    const failure = body.isThere && !body.isSent ? 'unsent' : 'link_lost'
    const { method } = body.request
    const mayAskAgain = mayRetry(method!, { body: body.isSent, answer: false }, failure)
    throw mayAskAgain ? new Unheard(error) : error
  }
}

/** As it comes. Once it has begun, whatever breaks breaks the visitor's exchange. */
function passOn(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = passedHeaders(answer)
  if (response.req.httpVersionMajor < 2) {
    response.writeHead(answer.statusCode!, answer.statusMessage, headers)
  } else {
    // There it knows no list of pairs in which one name comes twice, and no phrase.
    response.writeHead(answer.statusCode!, Object.fromEntries(byName(headers)))
  }
  response.flushHeaders()
  answer.pipe(response, { end: false })
  answer.once('end', () => {
    if (answer.rawTrailers.length > 0) response.addTrailers(pairs(answer.rawTrailers))
    response.end()
  })
  return new Promise((resolve) => {
    answer.once('error', () => breakOff(response.req, response))
    response.once('close', resolve)
    if (response.closed) resolve()
  })
}
