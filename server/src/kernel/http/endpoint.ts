import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { clientAt } from '../client.ts'
import type { Actor, Context } from '../context.ts'
import { type FieldError, Problem } from '../problem.ts'
import { bindKey, checkKey, type Claim, claimKey, releaseKey, requestHash } from './idempotency.ts'
import { httpProblems } from './problems.ts'
import {
  type AnyRoute,
  isPublic,
  knowsCallers,
  Reply,
  type RawInput,
  type RequestFacts,
  takesImpersonators,
  takesKeys,
  takesUnfinished,
} from './route.ts'
import type { HttpOptions } from './server.ts'

type Input = { params: unknown; query: unknown; body: unknown }

/** Beyond the handler's own deadline: time to undo and to answer. */
const GRACE_MS = 2_000
/** For the rest of a body that nobody wants. */
const CUT_REFUSED_MS = 2_000

/** What a public route takes as its credential, if it takes one, is its own: an expired access token does not close it. */
const ANONYMOUS: Actor = { kind: 'anonymous' }

/** The way of every request: who, may they, is it valid, do it, shape the answer. */
export function endpoint(route: AnyRoute, options: HttpOptions) {
  const parse = inputParser(route)
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const actor = request.admitted ?? (await admit(route, request, options))
    const input = parse(request)
    const timeoutMs = route.timeoutMs?.(input) ?? options.requestTimeoutMs
    const run = (claim?: Claim) => {
      const ctx = contextOf(route, request, actor, options, claim)
      return within(route, request, timeoutMs, () =>
        route.handler(ctx, { ...input, request: factsOf(request, options) }),
      )
    }
    const key = request.headers['idempotency-key']
    if (typeof key !== 'string') return answer(route, reply, await run())
    return once(route, request, reply, { actor, key, timeoutMs, options, run })
  }
}

/**
 * Lets in, before a byte of the body is read, those who may call a route with long bodies. One who is refused while sending may
 * finish soon, so that the answer is not lost, and is cut then.
 */
export function admission(route: AnyRoute, options: HttpOptions) {
  if (route.bodyLimit === undefined && !route.admit) return undefined
  return async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      request.admitted = await admit(route, request, options)
    } catch (error) {
      reply.raw.once('finish', () => cutSoon(request))
      throw error
    }
  }
}

function cutSoon({ raw }: FastifyRequest): void {
  setTimeout(() => raw.complete || raw.destroy(), CUT_REFUSED_MS).unref()
}

/** @throws Problem for somebody who may not call */
async function admit(
  route: AnyRoute,
  request: FastifyRequest,
  options: HttpOptions,
): Promise<Actor> {
  const actor = await actorOf(route, request, options)
  request.caller = actor
  checkAccess(route, actor, options)
  if (route.path.includes('/:')) options.judgeGuesses?.(actor)
  await route.admit?.(contextOf(route, request, actor, options), factsOf(request, options))
  return actor
}

async function actorOf(
  route: AnyRoute,
  request: FastifyRequest,
  options: HttpOptions,
): Promise<Actor> {
  const authenticate = () =>
    options.authenticate(factsOf(request, options), namedAccount(route, request))
  if (!isPublic(route)) return authenticate()
  if (!knowsCallers(route)) return ANONYMOUS
  return authenticate().catch((error: unknown) => {
    const isUnknown = error instanceof Problem && error.status < 500 && error.status !== 429
    if (isUnknown) return ANONYMOUS
    throw error
  })
}

/** The account that the request is about: the one that it names in itself, or else in its header. */
function namedAccount(route: AnyRoute, request: FastifyRequest): unknown {
  const { params, query, body } = request as unknown as RawInput
  return route.account?.({ params, query, body }) ?? request.headers['gantry-account']
}

function checkAccess(route: AnyRoute, actor: Actor, options: HttpOptions): void {
  const { access } = route
  if (isPublic(route)) return
  if (actor.kind === 'anonymous') throw httpProblems.unauthenticated()
  if (actor.kind === 'key' && !takesKeys(route)) throw httpProblems.keyNotAllowed()
  if (actor.kind === 'user' && actor.unfinished && !takesUnfinished(route)) {
    throw httpProblems.secondFactorRequired()
  }
  if (actor.kind === 'user' && actor.impersonatedBy && !takesImpersonators(route)) {
    throw httpProblems.notAsAnother()
  }
  if (typeof access === 'string' && !options.allows(actor, access)) {
    throw httpProblems.forbidden({ permission: access, ...(actor.kind === 'key' && ofKey(access)) })
  }
}

function ofKey(permission: string) {
  return {
    detail: `This needs the permission \`${permission}\`, which this key's scopes do not cover or whoever made the key does not hold.`,
  }
}

/** Compiles the route's schemas; unknown members are refused in each of them. */
function inputParser(route: AnyRoute): (request: FastifyRequest) => Input {
  const params = strict(route.params)
  const query = strict(route.query) ?? z.strictObject({})
  const body = strict(route.body) ?? z.strictObject({}).optional()
  return (request) => {
    const errors: FieldError[] = []
    const read = (place: string, schema: z.ZodType | undefined, value: unknown) => {
      if (!schema) return undefined
      const result = schema.safeParse(value)
      if (result.success) return result.data
      errors.push(...fieldErrors(place, result.error))
      return undefined
    }
    const given = request.body === undefined && route.bodyOptional ? {} : request.body
    const input = {
      params: read('params', params, request.params),
      query: read('query', query, request.query),
      body: read('body', body, given),
    }
    if (errors.length > 0) throw httpProblems.invalid({ errors: errors.slice(0, 50) })
    return input
  }
}

function strict(schema: z.ZodType | undefined): z.ZodType | undefined {
  return schema instanceof z.ZodObject ? schema.strict() : schema
}

function fieldErrors(place: string, error: z.ZodError): FieldError[] {
  return error.issues.map((issue) => ({
    path: [place, ...issue.path].join('.'),
    message: wordsOf(issue),
  }))
}

/** Of the key of a record, what is wrong with it. */
function wordsOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
}

function contextOf(
  route: AnyRoute,
  request: FastifyRequest,
  actor: Actor,
  options: HttpOptions,
  claim?: Claim,
): Context {
  return options.contextFor({
    actor,
    correlationId: request.id,
    client: clientAt(request.ip, request.headers['user-agent']),
    signal: request.deadline.signal,
    log: () => options.log.child({ correlationId: request.id, route: route.path }),
    ...(claim && {
      remember: (db, resourceId) => bindKey(db, claim, resourceId, route.status ?? 200),
    }),
  })
}

function factsOf(request: FastifyRequest, options: HttpOptions): RequestFacts {
  return {
    method: request.method,
    ip: request.ip,
    userAgent: request.headers['user-agent'],
    headers: request.headers as Record<string, string | undefined>,
    prefers: (prefix) => prefersType(request.headers.accept, prefix),
    secure: request.protocol === 'https',
    loopbackOnly: options.loopbackOnly && !isForPublic(request, options),
  }
}

/** Then a proxy on this machine sent it, for somebody else. */
function isForPublic({ headers }: FastifyRequest, { publicUrl }: HttpOptions): boolean {
  const url = publicUrl?.startsWith('https:') ? URL.parse(publicUrl) : undefined
  return url?.host !== undefined && url.host === headers.host
}

/** Whether a type with this prefix comes before JSON in what the client accepts. */
function prefersType(accept: string | undefined, prefix: string): boolean {
  if (!accept) return false
  const types = accept
    .split(',')
    .map((part) => part.split(';') as [string, ...string[]])
    .map(([type, ...options]) => ({ type: type.trim(), q: quality(options) }))
    .sort((a, b) => b.q - a.q)
  const wanted = types.findIndex(({ type, q }) => q > 0 && type.startsWith(prefix))
  const json = types.findIndex(({ type }) => type === 'application/json')
  return wanted >= 0 && (json < 0 || wanted < json)
}

function quality(options: string[]): number {
  const q = options.map((option) => /^\s*q=([\d.]+)\s*$/.exec(option)?.[1]).find(Boolean)
  return q === undefined ? 1 : Number(q)
}

/** Ends a handler that outlives the deadline with 504; its signal was aborted a moment before. */
async function within<Result>(
  route: AnyRoute,
  request: FastifyRequest,
  timeoutMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  request.deadline.bodyRead()
  if (route.streams) return work()
  const overdue = () => httpProblems.timeout({ seconds: Math.round(timeoutMs / 1000) })
  const { promise: late, reject } = Promise.withResolvers<never>()
  let isOver = false
  let timer = setTimeout(() => {
    isOver = true
    request.deadline.abort('deadline')
    timer = setTimeout(() => reject(overdue()), route.timeoutMs ? GRACE_MS : 0)
  }, timeoutMs)
  try {
    return await Promise.race([work(), late])
  } catch (error) {
    // A handler that heard the signal fails with whatever its own wait threw.
    throw isOver && !(error instanceof Problem) ? overdue() : error
  } finally {
    clearTimeout(timer)
  }
}

interface Keyed {
  actor: Actor
  key: string
  timeoutMs: number
  options: HttpOptions
  run(claim: Claim): Promise<unknown>
}

/** Runs a request that carries an idempotency key at most once, or presents again what it made. */
async function once(route: AnyRoute, request: FastifyRequest, reply: FastifyReply, keyed: Keyed) {
  const { actor, options } = keyed
  if (!route.idempotent || !('accountId' in actor)) throw httpProblems.idempotencyUnsupported()
  const ctx = contextOf(route, request, actor, options)
  const claim: Claim = {
    id: ctx.newId('clm'),
    accountId: actor.accountId,
    route: `${route.method} ${route.path}`,
    key: checkKey(keyed.key),
    requestHash: requestHash(request.method, request.url, JSON.stringify(request.body ?? null)),
    lockMs: keyed.timeoutMs + 2 * GRACE_MS,
  }
  const done = await claimKey(ctx.db, ctx.clock, claim)
  if (done) {
    reply.header('idempotency-replayed', 'true')
    return answer(
      route,
      reply,
      await route.idempotent.replay(ctx, done.resourceId),
      done.httpStatus,
    )
  }
  try {
    return answer(route, reply, await keyed.run(claim))
  } catch (error) {
    await releaseKey(ctx.db, claim)
    throw error
  }
}

function answer(route: AnyRoute, reply: FastifyReply, result: unknown, status?: number) {
  if (!(result instanceof Reply)) {
    reply.code(status ?? route.status ?? (route.returns ? 200 : 204))
    return route.returns ? sendJson(route, reply, result) : reply.send()
  }
  reply.code(result.status ?? status ?? route.status ?? 200).headers(result.headers)
  const { body } = result
  if (body === undefined) return reply.send()
  if (body instanceof Readable && reply.request.method === 'HEAD') {
    // Nobody reads it, and it may never end.
    body.destroy()
    return reply.send()
  }
  const raw = typeof body === 'string' || Buffer.isBuffer(body) || body instanceof Readable
  return raw ? reply.send(body) : sendJson(route, reply, body)
}

/** The schema shapes the answer: members that it does not name are left out. */
function sendJson(route: AnyRoute, reply: FastifyReply, body: unknown) {
  const shaped = route.returns ? route.returns.parse(body) : body
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.serializer((value: unknown) => value as string).send(JSON.stringify(shaped))
}
