import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import fastifyCompress from '@fastify/compress'
import fastifyCors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Capability } from '../capability.ts'
import type { Actor, Context } from '../context.ts'
import type { Situation } from '../kernel.ts'
import { answerBrokenRequest, answerConnect } from './bare-answers.ts'
import { readJsonBody } from './body.ts'
import { type Deadline, startDeadline } from './deadline.ts'
import { checkPath, HSTS, rewriteUrl, SECURITY_HEADERS } from './edge.ts'
import { admission, endpoint } from './endpoint.ts'
import { notTaken, sendProblem, toProblem, unknownPath } from './failures.ts'
import { listener, type ListenerOptions, MAX_HEADER_BYTES, whyNotListening } from './listener.ts'
import { httpProblems } from './problems.ts'
import { type Access, type AnyRoute, type RequestFacts, servedPath } from './route.ts'
import { type Listeners, tellProblem, tellRequest } from './told.ts'

export interface HttpOptions extends ListenerOptions, Listeners {
  capabilities: readonly Capability[]
  /**
   * Makes the actor of a request; anonymous without a credential. `account` is what the request names as the account to act for, not
   * yet looked at.
   *
   * @throws Problem for a bad credential, and for an account that is not there for the caller
   */
  authenticate(request: RequestFacts, account?: unknown): Promise<Actor>
  allows(actor: Actor, permission: string): boolean
  contextFor(situation: Situation): Context
  /** Asked before a route that names a thing by its id looks for it. @throws Problem for who has asked for too much that is not there */
  judgeGuesses?: (actor: Actor) => void
  requestTimeoutMs: number
  corsOrigins: readonly string[]
  /** Whether the server listens on loopback only. */
  loopbackOnly: boolean
  /** Where clients reach it, when that is configured. */
  publicUrl?: string | undefined
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
    this.server.on('connect', answerConnect)
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
    this.#fastify.setErrorHandler((error, request, reply) => {
      // Fastify asks a QUERY for its content type before it looks for the route.
      const problem =
        request.method === 'QUERY'
          ? unknownPath(routesOf(options), request.method, request.url)
          : toProblem(error)
      // That a handler stopped because its client has gone is no failure of ours.
      if (!reply.raw.destroyed) tellProblem(options, request, problem, error)
      return sendProblem(reply, request, problem)
    })
  }

  #hooks(options: HttpOptions): void {
    const app = this.#fastify
    app.addHook('onRequest', (request, reply, done) => {
      this.#count(reply)
      request.startedMs = performance.now()
      request.deadline = startDeadline(request, reply, options.requestTimeoutMs)
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
      tellRequest(options, request, reply)
      done()
    })
  }
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

/** Routes check and shape what they carry themselves: Fastify need not load its own compilers, half a megabyte of source. */
function noSchema(): never {
  throw new Error('Routes give Fastify no schema')
}
