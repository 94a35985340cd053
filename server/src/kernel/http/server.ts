import { randomUUID } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import fastifyCompress from '@fastify/compress'
import fastifyCors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Capability } from '../capability.ts'
import { clientAt } from '../client.ts'
import { type Actor, actorId, type Context } from '../context.ts'
import type { Situation } from '../kernel.ts'
import type { Logger } from '../log.ts'
import type { Refusal } from '../refusal.ts'
import type { Telemetry } from '../telemetry.ts'
import { levelOf, type Problem } from '../problem.ts'
import { isAtOrBelow } from '../sockets.ts'
import { clientAddresses } from './client-address.ts'
import { HSTS, SECURITY_HEADERS, checkPath, pathOf, rewriteUrl } from './edge.ts'
import { notTaken, problemBody, sendProblem, toProblem, unknownPath } from './failures.ts'
import { readJsonBody } from './body.ts'
import { admission, endpoint } from './endpoint.ts'
import { httpProblems } from './problems.ts'
import { type Access, type AnyRoute, type RequestFacts, servedPath } from './route.ts'

export interface HttpOptions {
  capabilities: readonly Capability[]
  log: Logger
  telemetry: Telemetry
  /**
   * Makes the actor of a request; anonymous without a credential. `account` is what the request names as the account to act for, not
   * yet looked at.
   *
   * @throws Problem for a bad credential, and for an account that is not there for the caller
   */
  authenticate(request: RequestFacts, account?: unknown): Promise<Actor>
  allows(actor: Actor, permission: string): boolean
  /**
   * Asked first of every request: whether it may come from this address, going by what its route is open to, if it has one.
   *
   * @throws Problem
   */
  judgeAddress?: (address: string, access: Access | undefined) => void
  contextFor(situation: Situation): Context
  /** Asked before a route that names a thing by its id looks for it. @throws Problem for who has asked for too much that is not there */
  judgeGuesses?: (actor: Actor) => void
  /** Told when somebody who is signed in asked for a thing that is not there. */
  missed?: (refusal: Refusal) => void
  /** Told when somebody who is signed in may not do what they asked for. */
  refused?: (refusal: Refusal) => void
  requestTimeoutMs: number
  corsOrigins: readonly string[]
  trustedProxies: readonly string[]
  tls?: { cert: Buffer; key: Buffer }
  /** Whether the server listens on loopback only. */
  loopbackOnly: boolean
  /** Where clients reach it, when that is configured. */
  publicUrl?: string | undefined
  /** Answers GET and PUT of signed object URLs below `/objects/`; a store that other machines serve needs none. */
  objects?: (request: IncomingMessage, response: ServerResponse) => void
  /** Something else that answers what is at a path of its own and below it, such as the polling of engine.io. */
  foreign?: {
    readonly path: string
    request(request: IncomingMessage, response: ServerResponse): void
  }
}

/** How long a request may take, and who is told when that is over. */
export interface Deadline {
  /** Aborted at the deadline, or when the client has gone. */
  readonly signal: AbortSignal
  abort(reason: string): void
  /** The body is here: from now on the route's own deadline counts. */
  bodyRead(): void
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    deadline: Deadline
    startedMs: number
    /** Who asks, once that is known. */
    caller: Actor | undefined
    /** Who may call, where that is known before the body is read. */
    admitted: Actor | undefined
  }
}

const HEADERS_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 65_000
/** A client that is cut off without a word, such as a viewer, is noticed: TCP asks after this much quiet, and gives up 10 s later. */
const PROBE_AFTER_MS = 30_000
const MAX_HEADER_BYTES = 16 * 1024
const MAX_BODY_BYTES = 1024 * 1024
/** An answer that is still being sent when the process has to go. */
const CUT_AFTER_MS = 1_000
const CORRELATION_ID = /^[\w.-]{1,64}$/

/** The HTTP listener: routes from the manifests, one pipeline for all of them. */
export class HttpServer implements AsyncDisposable {
  readonly server: Server
  readonly #fastify: FastifyInstance
  readonly #table: string[] = []
  #closing = false
  #inFlight = 0
  readonly #drained = Promise.withResolvers<void>()

  static async open(options: HttpOptions): Promise<HttpServer> {
    const http = new HttpServer(options)
    await http.#build(options)
    await http.#fastify.ready()
    return http
  }

  private constructor(options: HttpOptions) {
    this.#fastify = Fastify({
      serverFactory: (handler) => listener(options, handler),
      loggerInstance: undefined,
      logger: false,
      genReqId: correlationIdOf,
      trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
      bodyLimit: MAX_BODY_BYTES,
      // The headers' limit bounds them; a route's schema says what else is too long.
      routerOptions: { maxParamLength: MAX_HEADER_BYTES },
      rewriteUrl: (request) => rewriteUrl(request.url ?? '/'),
      clientErrorHandler: answerBrokenRequest,
      return503OnClosing: false,
      schemaController: {
        compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema },
      },
    })
    this.server = this.#fastify.server
  }

  async listen(host: string, port: number): Promise<number> {
    await this.#fastify.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
      throw new Error(whyNotListening(error, host, port), { cause: error })
    })
    const address = this.server.address()
    return typeof address === 'object' && address ? address.port : port
  }

  /** Method and pattern of everything that the router knows, what plugins added included. */
  routeTable(): readonly string[] {
    return this.#table
  }

  /** Requests that have no whole answer yet. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Takes no new request from now on; resolves when the last one in flight has its answer. */
  drain(): Promise<void> {
    this.#closing = true
    this.server.closeIdleConnections()
    if (this.#inFlight === 0) this.#drained.resolve()
    return this.#drained.promise
  }

  /** Cuts what is still open. Sockets that were upgraded are the dispatcher's: close those before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    setTimeout(() => this.server.closeAllConnections(), CUT_AFTER_MS).unref()
    await this.#fastify.close()
  }

  #count(reply: FastifyReply): void {
    this.#inFlight++
    reply.raw.once('close', () => {
      this.#inFlight--
      if (this.#closing && this.#inFlight === 0) this.#drained.resolve()
    })
  }

  async #build(options: HttpOptions): Promise<void> {
    const app = this.#fastify
    app.addHook('onRoute', ({ method, url }) => {
      this.#table.push(...[method].flat().map((each) => `${each} ${url}`))
    })
    app.decorateRequest('deadline')
    app.decorateRequest('startedMs', 0)
    app.decorateRequest('caller')
    app.decorateRequest('admitted')
    this.#hooks(options)
    readJsonBody(app)
    this.#answerErrors(options)
    await app.register(fastifyCors, corsOptions(options.corsOrigins))
    await app.register(fastifyCompress, { threshold: 1024, encodings: ['zstd', 'br', 'gzip'] })
    const routes = routesOf(options)
    for (const route of routes) addRoute(app, route, options)
    for (const { method, path: url } of notTaken(routes)) {
      const handler = (request: FastifyRequest) => {
        throw unknownPath(routes, method, request.url)
      }
      app.route({ method, url, handler })
    }
    app.setNotFoundHandler((request) => {
      throw unknownPath(routes, request.method, request.url)
    })
  }

  /** Before the plugins: the routes that they add refuse in the same form. */
  #answerErrors(options: HttpOptions): void {
    const { log, telemetry } = options
    this.#fastify.setErrorHandler((error, request, reply) => {
      // Fastify asks a QUERY for its content type before it looks for the route.
      const problem =
        request.method === 'QUERY'
          ? unknownPath(routesOf(options), request.method, request.url)
          : toProblem(error)
      // That a handler stopped because its client has gone is no failure of ours.
      if (!reply.raw.destroyed) {
        const route = request.routeOptions.url ?? 'none'
        telemetry.problem({ code: problem.code, status: problem.status, route })
        logProblem(log, request, problem, error)
        tellRefused(options, request, problem)
      }
      return sendProblem(reply, request, problem)
    })
  }

  #hooks(options: HttpOptions): void {
    const { log, telemetry, requestTimeoutMs } = options
    const app = this.#fastify
    app.addHook('onRequest', (request, reply, done) => {
      this.#count(reply)
      request.startedMs = performance.now()
      request.deadline = startDeadline(request, reply, requestTimeoutMs)
      reply.headers(SECURITY_HEADERS)
      if (isHttps(options)) reply.headers(HSTS)
      reply.header('x-correlation-id', request.id)
      checkPath(request.originalUrl)
      if (this.#closing) throw httpProblems.stopping({ retryAfterSeconds: 5 })
      options.judgeAddress?.(request.ip, request.routeOptions.config.access)
      if (request.method === 'OPTIONS' && !isPreflight(request)) {
        throw unknownPath(routesOf(options), request.method, request.url)
      }
      done()
    })
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (this.#closing) reply.header('connection', 'close')
      done(null, payload)
    })
    app.addHook('onResponse', (request, reply, done) => {
      const durationMs = performance.now() - request.startedMs
      const route = request.routeOptions.url ?? 'none'
      telemetry.request(request.method, route, reply.statusCode, durationMs / 1000)
      log.info(
        {
          correlationId: request.id,
          method: request.method,
          route,
          path: pathOf(request.originalUrl),
          status: reply.statusCode,
          durationMs: Math.round(durationMs * 10) / 10,
          ip: request.ip,
          userAgent: request.headers['user-agent'],
          ...callerOf(request),
        },
        'request',
      )
      done()
    })
  }
}

function callerOf({ caller }: FastifyRequest): { actor?: string } {
  const actor = caller && actorId(caller)
  return actor === undefined ? {} : { actor }
}

function routesOf({ capabilities }: HttpOptions): AnyRoute[] {
  return capabilities.flatMap((capability) => [...(capability.routes ?? [])])
}

function isHttps({ publicUrl, tls }: HttpOptions): boolean {
  return tls !== undefined || publicUrl?.startsWith('https:') === true
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

function addRoute(app: FastifyInstance, route: AnyRoute, options: HttpOptions): void {
  const onRequest = admission(route, options)
  for (const path of [route.path, ...(route.aliases ?? [])]) {
    app.route({
      method: route.method,
      url: servedPath(path),
      config: { access: route.access },
      bodyLimit: route.bodyLimit ?? MAX_BODY_BYTES,
      ...(onRequest && { onRequest }),
      handler: endpoint(route, options),
      ...(route.streams && { compress: false }),
    })
  }
}

function listener(
  options: HttpOptions,
  handler: (request: never, response: never) => void,
): Server {
  const limits = {
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
    // Any other wish, such as h2c, may be left unanswered (RFC 9110, 7.8): the request is served as it is.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
      headers.upgrade?.toLowerCase() === 'websocket',
  }
  const fastify = handler as (request: unknown, response: unknown) => void
  const mayCome = doorFor(options)
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const { objects, foreign } = options
    const isObject = objects && request.url?.startsWith('/objects/')
    const isForeign = foreign && isAtOrBelow(foreign.path, request.url)
    if (!isObject && !isForeign) return fastify(request, response)
    if (!mayCome(request, response, isObject ? '/objects/' : foreign!.path)) return
    if (isObject) objects(request, response)
    else foreign!.request(request, response)
  }
  if (!options.tls) return createServer(limits, listener)
  return createTlsServer({ ...limits, ...options.tls, minVersion: 'TLSv1.2' }, listener) as Server
}

/** Judges the requests that Fastify does not see; one that may not come from its address is answered. */
function doorFor({ judgeAddress, trustedProxies, refused }: HttpOptions) {
  const addressOf = clientAddresses(trustedProxies)
  return (request: IncomingMessage, response: ServerResponse, path: string): boolean => {
    const address = addressOf(request)
    try {
      judgeAddress?.(address, undefined)
      return true
    } catch (error) {
      const problem = toProblem(error)
      const correlationId = randomUUID()
      const client = clientAt(address, request.headers['user-agent'])
      const [actor, wanted] = [{ kind: 'anonymous' } as const, `${request.method} ${path}`]
      if (problem.kind.noted)
        refused?.({ actor, client, correlationId, wanted, code: problem.code })
      const type = { 'content-type': 'application/problem+json', 'x-correlation-id': correlationId }
      response.writeHead(problem.status, { ...SECURITY_HEADERS, ...type, connection: 'close' })
      response.end(JSON.stringify(problemBody(problem, path, correlationId)))
      return false
    }
  }
}

function whyNotListening(
  { code, message }: NodeJS.ErrnoException,
  host: string,
  port: number,
): string {
  if (code === 'EADDRINUSE') {
    return `port ${port} on ${host} is taken. Stop what listens there, or set PORT to another one.`
  }
  if (code === 'EACCES')
    return `port ${port} may not be used by this user. Set PORT to 1024 or more.`
  if (code === 'EADDRNOTAVAIL') return `this machine has no address ${host}. Change HOST.`
  return `cannot listen on ${host}:${port}: ${message}`
}

/** Until the body is whole, a client that is too slow is cut off with 408. */
function startDeadline(
  { raw, id, originalUrl }: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
): Deadline {
  const controller = new AbortController()
  const abort = (reason: string) => controller.abort(new Error(reason))
  const timer = setTimeout(() => {
    abort('deadline')
    answerBare(raw.socket, httpProblems.tooSlow(), pathOf(originalUrl), id)
  }, timeoutMs).unref()
  raw.once('close', () => clearTimeout(timer))
  // Not the socket's: that one lives on for the next requests, and would collect a listener from each.
  reply.raw.once('close', () => {
    clearTimeout(timer)
    if (!reply.raw.writableFinished) abort('client gone')
  })
  return { signal: controller.signal, abort, bodyRead: () => clearTimeout(timer) }
}

function correlationIdOf(request: {
  headers: Record<string, string | string[] | undefined>
}): string {
  const given = request.headers['x-correlation-id']
  return typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUID()
}

function corsOptions(origins: readonly string[]) {
  return {
    origin: [...origins],
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      ...['authorization', 'content-type', 'gantry-account', 'idempotency-key'],
      'x-correlation-id',
    ],
    exposedHeaders: [
      ...['x-correlation-id', 'retry-after', 'idempotency-replayed', 'location'],
      ...['ratelimit', 'ratelimit-policy'],
    ],
    maxAge: 600,
  }
}

function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  answerBare(socket, whatIsBroken(error.code))
}

function whatIsBroken(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return httpProblems.headersTooLarge()
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return httpProblems.tooSlow()
  return httpProblems.malformed({ detail: 'The request is not well-formed HTTP.' })
}

/** A problem on a connection that no request handler owns; nothing more is read from it. */
function answerBare(socket: Socket, problem: Problem, path = '/', id: string = randomUUID()): void {
  const body = JSON.stringify(problemBody(problem, path, id))
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-correlation-id': id,
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const first = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n`
  socket.end(`${first}${lines.join('')}\r\n${body}`)
}

/** That somebody who is signed in may not do something is worth remembering; of what strangers try, where they may not come from. */
function tellRefused(options: HttpOptions, request: FastifyRequest, problem: Problem): void {
  const { refused, missed } = options
  const { caller, id: correlationId, ip, headers, method, routeOptions } = request
  const isKnown = caller !== undefined && caller.kind !== 'anonymous'
  const isMiss = problem.status === 404 && isKnown && routeOptions.url?.includes('/:')
  if (!isMiss && (problem.status !== 403 || !(isKnown || problem.kind.noted))) return
  const client = clientAt(ip, headers['user-agent'])
  const wanted = `${method} ${routeOptions.url ?? 'none'}`
  const actor = caller ?? { kind: 'anonymous' as const }
  const tell = isMiss ? missed : refused
  tell?.({ actor, client, correlationId, wanted, code: problem.code })
}

/** As loud as the kind of the problem says. Only what a person must see is told with its stack. */
function logProblem(log: Logger, request: FastifyRequest, problem: Problem, error: unknown): void {
  const level = levelOf(problem.kind)
  if (!level) return
  const { id: correlationId, method, routeOptions } = request
  const about = { correlationId, method, route: routeOptions.url, problem: problem.code }
  if (level === 'error') log.error({ ...about, err: problem.cause ?? error }, 'request failed')
  else log[level]({ ...about, detail: problem.message }, 'request refused')
}

/** Routes check and shape what they carry themselves: Fastify need not load its own compilers, half a megabyte of source. */
function noSchema(): never {
  throw new Error('Routes give Fastify no schema')
}
