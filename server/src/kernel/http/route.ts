import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Context } from '../context.ts'
import type { ProblemFactory } from '../problem.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may call: the holder of a permission, anyone who is signed in, or everybody; the latter two say why. What is open to the signed in
 * is about the person and refuses API keys, unless it says that they may: `keys: true`. It refuses sign-ins that owe a second factor too,
 * unless `unfinished: true`, and lets staff who act as the person only read, unless `impersonators: true`. A public route knows nobody,
 * unless it `knows` whoever sends a token that counts.
 */
export type Access =
  | string
  | {
      readonly signedIn: string
      readonly keys?: boolean
      readonly unfinished?: boolean
      readonly impersonators?: boolean
    }
  | { readonly public: string; readonly knows?: boolean }

/** What names the account that a request is about, before it was validated. */
export interface RawInput {
  readonly params: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
}

/** What a handler may read of the request beside its validated input. */
export interface RequestFacts {
  readonly method: string
  readonly ip: string
  readonly userAgent?: string
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Whether the client asked for this type first: `request.prefers('image/')`. */
  prefers(typePrefix: string): boolean
  /** Whether the bytes came over TLS, here or at a trusted proxy. */
  readonly secure: boolean
  /** Whether it never left this machine: the server listens on loopback only, and was not called by its public https name. */
  readonly loopbackOnly: boolean
}

type Shape = z.ZodType | undefined
type Output<S extends Shape> = S extends z.ZodType ? z.output<S> : undefined
type Returned<S extends Shape> = S extends z.ZodType ? z.input<S> | Reply : Reply | void

/** One endpoint: what validates, documents, guards and runs it. */
export interface Route<
  Params extends Shape = Shape,
  Query extends Shape = Shape,
  Body extends Shape = Shape,
  Returns extends Shape = Shape,
> {
  readonly method: Method
  /** `/v1/…` is served below `/api`; other paths at the root. Parameters as `:id`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly access: Access
  /**
   * The account that the request itself names: the caller acts for that one, with the roles held there. Otherwise the header
   * `Gantry-Account` names it, and without that it is the user's own.
   */
  account?(input: RawInput): unknown
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  /** The body may be left out; it then counts as `{}`. */
  readonly bodyOptional?: boolean
  readonly returns?: Returns
  /** Media types that the handler may answer with instead of JSON. */
  readonly alsoReturns?: readonly string[]
  /** Of a successful answer; 200 unless given. */
  readonly status?: number
  /** The refusals of this route beyond those that its access and schemas imply. */
  readonly problems?: readonly ProblemFactory[]
  readonly examples?: {
    readonly params?: unknown
    readonly query?: unknown
    readonly body?: unknown
    readonly reply?: unknown
  }
  /** No deadline and no compression: the answer is a stream. */
  readonly streams?: boolean
  /** Longest time for this request in milliseconds; the configured one (30 s) unless given. */
  timeoutMs?(input: { query: Output<Query>; body: Output<Body> }): number
  /** Bytes; 1 MiB unless given. Where it is given, nobody who may not call has a byte of their body read. */
  readonly bodyLimit?: number
  /** Refuses by the headers alone, before the body is read: for a public route that takes a credential of its own. @throws Problem */
  admit?(ctx: Context, request: RequestFacts): Promise<unknown>
  /** Takes `Idempotency-Key`: tells the id that an answer made, and makes the answer again from it. */
  readonly idempotent?: {
    resourceId(reply: unknown): string
    replay(ctx: Context, resourceId: string): Promise<unknown>
  }
  /** Older paths that lead to the same handler. */
  readonly aliases?: readonly string[]
  handler(
    ctx: Context,
    input: {
      params: Output<Params>
      query: Output<Query>
      body: Output<Body>
      request: RequestFacts
    },
  ): Promise<Returned<Returns>> | Returned<Returns>
}

// A list of routes holds many shapes, and each handler was checked against its own in `route`.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyRoute = Route<any, any, any, any>

/** A list is one header for each of its entries. */
type ReplyHeaders = Readonly<Record<string, string | string[]>>

/** An answer that is more than a JSON body of the declared shape. */
export class Reply {
  readonly body: unknown
  readonly status: number | undefined
  readonly headers: ReplyHeaders

  constructor(body: unknown, options: { status?: number; headers?: ReplyHeaders } = {}) {
    this.body = body
    this.status = options.status
    this.headers = options.headers ?? {}
  }

  /** A JSON body of the declared shape with another status or more headers. */
  static json(body: unknown, options: { status?: number; headers?: ReplyHeaders } = {}) {
    return new Reply(body, options)
  }

  /** Bytes or text of one of the route's `alsoReturns`. */
  static content(
    body: Buffer | string | Readable,
    type: string,
    headers: Record<string, string> = {},
  ) {
    return new Reply(body, { headers: { 'content-type': type, ...headers } })
  }

  static redirect(location: string, status = 302) {
    return new Reply(undefined, { status, headers: { location } })
  }
}

export function route<
  Params extends Shape = undefined,
  Query extends Shape = undefined,
  Body extends Shape = undefined,
  Returns extends Shape = undefined,
>(declared: Route<Params, Query, Body, Returns>): Route<Params, Query, Body, Returns> {
  return declared
}

export function isPublic({ access }: AnyRoute): boolean {
  return typeof access === 'object' && 'public' in access
}

/** Whether staff who act as a user may call it, as far as the permission goes that it asks for. */
export function takesImpersonators({ access, method }: AnyRoute): boolean {
  if (typeof access === 'string' || 'public' in access) return true
  return method === 'GET' || access.impersonators === true
}

/** Whether a public route is told who sends a token that counts. */
export function knowsCallers({ access }: AnyRoute): boolean {
  return typeof access === 'object' && 'public' in access && access.knows === true
}

/** Whether an API key may call it at all. */
export function takesKeys({ access }: AnyRoute): boolean {
  return typeof access === 'string' || 'public' in access || access.keys === true
}

/** Whether a sign-in that owes a second factor may call it. */
export function takesUnfinished({ access }: AnyRoute): boolean {
  return typeof access === 'object' && ('public' in access || access.unfinished === true)
}

/** The path on the wire: the versioned API is served below `/api`. */
export function servedPath(path: string): string {
  return path.startsWith('/v1/') ? `/api${path}` : path
}
