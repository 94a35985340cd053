import type { Capability } from './capability.ts'
import type { Actor } from './context.ts'
import { httpProblems } from './http/problems.ts'
import { type HttpOptions, HttpServer } from './http/server.ts'
import { openTelemetry } from './telemetry.ts'
import type { TestKernel } from './test-kernel.ts'

export interface TestAnswer {
  status: number
  headers: Headers
  // A test knows what it asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export interface TestServer extends AsyncDisposable {
  url: string
  http: HttpServer
  /** As a user of the account `acc_<name>` who holds the permissions that `serve` was given for the name; else as nobody. */
  request(
    method: string,
    path: string,
    options?: { as?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<TestAnswer>
}

/** Serves some capabilities over HTTP, to users who are known by their names alone. */
export async function serve(
  kernel: TestKernel,
  capabilities: readonly Capability[],
  permissions: Record<string, readonly string[]>,
  options: Partial<HttpOptions> = {},
): Promise<TestServer> {
  const http = await HttpServer.open({
    capabilities,
    log: kernel.log,
    telemetry: openTelemetry(),
    authenticate: async ({ headers }) => actorOf(headers.authorization, permissions),
    allows: (actor, permission) => actor.kind === 'user' && actor.roles.includes(permission),
    contextFor: kernel.contextFor,
    requestTimeoutMs: 10_000,
    corsOrigins: [],
    trustedProxies: [],
    loopbackOnly: true,
    ...options,
  })
  const url = `http://127.0.0.1:${await http.listen('127.0.0.1', 0)}`
  return {
    ...{ url, http },
    request: async (method, path, { as, body, headers } = {}) => {
      const response = await fetch(url + path, {
        method,
        redirect: 'manual',
        headers: {
          ...(as && { authorization: `Bearer ${as}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = /json/.test(response.headers.get('content-type') ?? '')
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
      }
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  }
}

function actorOf(authorization = '', permissions: Record<string, readonly string[]>): Actor {
  const [, name] = /^Bearer (\w+)$/.exec(authorization) ?? []
  if (name === undefined) return { kind: 'anonymous' }
  const roles = permissions[name]
  if (!roles) throw httpProblems.unauthenticated()
  const ids = { userId: `usr_${name}`, accountId: `acc_${name}`, signInId: `sin_${name}` }
  return { kind: 'user', ...ids, roles }
}
