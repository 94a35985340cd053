import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { z } from 'zod'
import { notTaken } from '#kernel/http/failures.ts'
import { HttpServer } from '#kernel/http/server.ts'
import { problemsOf } from '#kernel/http/openapi-problems.ts'
import { type AnyRoute, servedPath } from '#kernel/http/route.ts'
import { openTelemetry } from '#kernel/telemetry.ts'
import { document, plainManifest } from '../manifest.ts'
import { startApp } from './app.ts'

// oxlint-disable-next-line typescript/no-explicit-any
type Json = any

const capabilities = plainManifest()
const routes: AnyRoute[] = capabilities.flatMap((one) => [...(one.routes ?? [])])
const published: Json = JSON.parse(JSON.stringify(document(capabilities)))

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

/** `GET /api/v1/sessions/{id}` of each operation, with the operation. */
function operations(): [string, Json][] {
  return Object.entries<Json>(published.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, of]): [string, Json] => [
      `${method.toUpperCase()} ${path}`,
      of,
    ]),
  )
}

function pathsOf(route: AnyRoute): string[] {
  return [route.path, ...(route.aliases ?? [])].map(servedPath)
}

function operationsOf(route: AnyRoute): Json[] {
  const known = new Map(operations())
  return pathsOf(route).map((path) => known.get(`${route.method} ${templated(path)}`))
}

const templated = (path: string) => path.replace(/:(\w+)/g, '{$1}')

async function routerTable(): Promise<readonly string[]> {
  await using http = await HttpServer.open({
    capabilities,
    telemetry: openTelemetry(),
    log: app.app.systemContext().log,
    authenticate: async () => ({ kind: 'anonymous' }),
    allows: () => false,
    contextFor: () => app.app.systemContext(),
    ...{ requestTimeoutMs: 1_000, corsOrigins: [], trustedProxies: [], loopbackOnly: true },
  })
  return http.routeTable()
}

test('what the router knows is what the document names, HEAD for each GET, and what is refused in the place of an id', async () => {
  const known = (await routerTable()).map(templated)
  const refused = notTaken(routes).map(({ method, path }) => `${method} ${templated(path)}`)
  const named = [...operations().map(([name]) => name), ...refused]
  const heads = named
    .filter((name) => name.startsWith('GET '))
    .map((name) => `HEAD ${name.slice(4)}`)
  assert.deepEqual([...known].sort(), [...named, ...heads, 'OPTIONS *'].sort())
})

test('every operation tells what it is for, who may call it and how it refuses', () => {
  const ids = operations().map(([, { operationId }]) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  for (const route of routes) {
    for (const operation of operationsOf(route)) {
      const name = `${route.method} ${route.path}`
      assert.match(operation.summary, /^[A-Z].{5,}[^.]$/u, name)
      assert.deepEqual(operation['x-access'], route.access, name)
      assert.match(operation.description, /Needs the permission|Open to everybody/, name)
      assert.deepEqual(operation.security, securityOf(route), name)
      const succeeds = Object.keys(operation.responses).filter((status) => status < '400')
      assert.equal(succeeds.length, 1, name)
      for (const { kind } of problemsOf(route)) refusalIsShown(operation, kind, name)
    }
  }
})

function securityOf({ access }: AnyRoute): object[] {
  const withToken = { accessToken: [] }
  if (typeof access === 'string' || !('public' in access)) return [withToken]
  return access.knows ? [{}, withToken] : []
}

function refusalIsShown(operation: Json, kind: { code: string; status: number }, name: string) {
  const answer = resolve(operation.responses[kind.status])?.content['application/problem+json']
  const example = resolve(answer?.examples[kind.code])?.value
  assert.ok(example, `${name} does not show ${kind.code}`)
  const body = Problem.parse(example)
  assert.equal(body.code, kind.code)
  assert.equal(body.status, kind.status)
}

/** What a reference into the document's components leads to. */
function resolve(part: Json): Json {
  const [, place, name] = /^#\/components\/(\w+)\/(.+)$/.exec(part?.$ref ?? '') ?? []
  return place && name ? published.components[place][name] : part
}

const Problem = z.strictObject({
  type: z.string().startsWith('/api/docs/errors#'),
  ...{ title: z.string().min(1), detail: z.string().min(1), instance: z.string().startsWith('/') },
  ...{ status: z.int(), code: z.string(), category: z.string(), correlationId: z.uuid() },
  suggestion: z.string().optional(),
})

test('every operation shows an example of what it takes and gives, and each fits its schema', () => {
  for (const { method, path, examples = {}, ...route } of routes) {
    const name = `${method} ${path}`
    for (const [place, schema] of [
      ['params', route.params],
      ['body', route.body],
      ['reply', route.returns],
    ] as const) {
      const example = examples[place]
      assert.equal(example !== undefined, schema !== undefined, `${name}: example of ${place}`)
      if (schema) fits(schema, example, `${name}: ${place}`)
    }
    if (examples.query !== undefined) fits(route.query, examples.query, `${name}: query`)
  }
})

function fits(schema: z.ZodType, example: unknown, what: string) {
  const closed = schema instanceof z.ZodObject ? schema.strict() : schema
  const parsed = closed.safeParse(example)
  assert.ok(parsed.success, `${what}: ${parsed.error?.message}`)
}

test('every body refuses members that it does not name, at every depth', () => {
  for (const [name, { requestBody }] of operations()) {
    if (!requestBody) continue
    const open = openObjects(requestBody.content['application/json'].schema, 'body')
    assert.deepEqual(open, [], name)
  }
})

/** Where in a JSON Schema an object names members and takes others too. */
function openObjects(schema: Json, at: string, seen: string[] = []): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const ref = schema.$ref?.split('/').at(-1)
  if (ref) {
    const again = seen.includes(ref)
    return again ? [] : openObjects(published.components.schemas[ref], at, [...seen, ref])
  }
  const inner = Object.entries<Json>(schema).flatMap(([key, value]) =>
    typeof value === 'object' && key !== 'examples' ? openObjects(value, `${at}.${key}`, seen) : [],
  )
  const isOpen =
    schema.properties && schema.type === 'object' && schema.additionalProperties !== false
  return isOpen ? [at, ...inner] : inner
}

test('the document in the repository is the one that the server gives', async () => {
  const served = await app.request('GET', '/api/openapi.json')
  assert.deepEqual(served.body, published)
  const file = new URL('../../../openapi.json', import.meta.url)
  if (existsSync(file)) assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), published)
})

test('a path answers the same below /v1, /api and /api/v1', async () => {
  const ann = await app.person()
  const headers = { authorization: `Bearer ${ann.accessToken}` }
  const versioned = routes.filter((route) => route.path.startsWith('/v1/'))
  for (const { method, path } of versioned.filter((route) => route.method === 'GET')) {
    const rest = path.slice('/v1'.length).replace(/:\w+/g, 'ses_06f3k9w2m4qz7x8y1v5t0r6n3b')
    const [pinned, ...others] = await Promise.all(
      ['/api/v1', '/api', '/v1'].map((base) => rawGet(`${base}${rest}`, headers)),
    )
    for (const other of others) assert.deepEqual(other, pinned, `${method} ${path}`)
    assert.notEqual(pinned!.body.code, 'request.not_found', path)
  }
})

/** The answer without what differs from one request to the next. */
async function rawGet(path: string, headers: Record<string, string>) {
  const answer = await fetch(app.url + path, { headers })
  const { correlationId: _, instance, ...body } = await answer.json()
  if (instance !== undefined) assert.equal(instance, path)
  return { status: answer.status, body }
}
