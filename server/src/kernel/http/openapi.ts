import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import type { Capability } from '../capability.ts'
import { categories, categoryOf, type ProblemFactory } from '../problem.ts'
import { httpProblems } from './problems.ts'
import {
  type AnyRoute,
  isPublic,
  knowsCallers,
  servedPath,
  takesImpersonators,
  takesKeys,
  takesUnfinished,
} from './route.ts'

type JsonObject = Record<string, unknown>

export interface DocumentOptions {
  title: string
  version: string
  description: string
}

const Problem = z
  .object({
    type: z.string().meta({ description: 'Where the error catalogue explains this code' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'Path of the request' }),
    code: z.string().meta({ description: 'Stable; switch on this' }),
    category: z.enum(categories),
    correlationId: z.string().meta({ description: 'Under which the request was logged' }),
    suggestion: z.string().optional().meta({ description: 'What to change' }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' })

/** The OpenAPI 3.1 document of all routes, from the schemas that validate them. */
export function openApiDocument(capabilities: readonly Capability[], options: DocumentOptions) {
  const schemas = new Schemas()
  schemas.of(Problem, 'output')
  const paths: Record<string, JsonObject> = {}
  for (const capability of capabilities) {
    for (const route of capability.routes ?? []) {
      for (const [index, path] of [route.path, ...(route.aliases ?? [])].entries()) {
        const template = servedPath(path).replace(/:(\w+)/g, '{$1}')
        const described = operation(route, capability, schemas, index)
        paths[template] = { ...paths[template], [route.method.toLowerCase()]: described }
      }
    }
  }
  const { title, version, description } = options
  return {
    openapi: '3.1.0',
    info: { title, version, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'This server' }],
    tags: capabilities
      .filter((capability) => capability.routes?.length)
      .map(({ name, summary }) => ({ name, description: summary })),
    paths: sorted(paths),
    components: {
      schemas: sorted(schemas.named()),
      responses: problemResponses(capabilities),
      examples: problemExamples(capabilities),
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The `accessToken` of a sign-in',
        },
      },
    },
  }
}

function operation(
  route: AnyRoute,
  { name }: Capability,
  schemas: Schemas,
  alias: number,
): JsonObject {
  return {
    operationId: operationId(route, alias),
    tags: [name],
    summary: route.summary,
    description: [route.description, accessSentence(route)].filter(Boolean).join('\n\n'),
    ...(alias > 0 && { deprecated: true }),
    security: security(route),
    'x-access': route.access,
    parameters: parameters(route, schemas),
    ...(route.body && { requestBody: requestBody(route, schemas) }),
    responses: { ...success(route, schemas), ...refusals(route) },
  }
}

function security(route: AnyRoute): JsonObject[] {
  const withToken = { accessToken: [] }
  if (!isPublic(route)) return [withToken]
  return knowsCallers(route) ? [{}, withToken] : []
}

/** `getSessionsId`: the method and the words of the path, so that it stays the same while the path does. */
function operationId({ method, path, aliases = [] }: AnyRoute, alias: number): string {
  const words = (alias > 0 ? aliases[alias - 1]! : path)
    .replace(/^\/(?:v1|api)\//, '')
    .split(/[^a-zA-Z0-9]+/)
    .filter(Boolean)
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

function accessSentence({ access }: AnyRoute): string {
  if (typeof access === 'string') return `Needs the permission \`${access}\`.`
  if ('public' in access) return `Open to everybody: ${access.public}.`
  const closed = access.keys ? '' : ' API keys may not.'
  return `Open to everybody who is signed in: ${access.signedIn}.${closed}`
}

function parameters(route: AnyRoute, schemas: Schemas): JsonObject[] {
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'The same key with the same request within 24 hours answers with what the first one made.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  }
  return [
    ...fields('path', route.params, route.examples?.params, schemas),
    ...fields('query', route.query, route.examples?.query, schemas),
    ...(route.idempotent ? [key] : []),
  ]
}

function fields(
  place: 'path' | 'query',
  schema: z.ZodType | undefined,
  example: unknown,
  schemas: Schemas,
) {
  if (!schema) return []
  const whole = schemas.of(schema, 'input', true) as {
    properties?: Record<string, JsonObject>
    required?: string[]
  }
  return Object.entries(whole.properties ?? {}).map(([name, of]) => {
    const { description, ...rest } = of
    const value = (example as JsonObject | undefined)?.[name]
    return {
      name,
      in: place,
      required: place === 'path' || (whole.required?.includes(name) ?? false),
      ...(description !== undefined && { description }),
      schema: rest,
      ...(value !== undefined && { example: value }),
    }
  })
}

function requestBody(route: AnyRoute, schemas: Schemas): JsonObject {
  return {
    required: !route.bodyOptional,
    content: { 'application/json': media(schemas.of(route.body, 'input'), route.examples?.body) },
  }
}

function success(route: AnyRoute, schemas: Schemas): JsonObject {
  const status = route.status ?? (route.returns || route.alsoReturns ? 200 : 204)
  const json = route.returns && {
    'application/json': media(schemas.of(route.returns, 'output'), route.examples?.reply),
  }
  const others = (route.alsoReturns ?? []).map((type) => [
    type,
    {
      schema: type.startsWith('text/')
        ? { type: 'string' }
        : { type: 'string', contentMediaType: type },
    },
  ])
  const content = { ...json, ...Object.fromEntries(others) }
  const described = {
    description: STATUS_CODES[status] ?? 'Done',
    ...(Object.keys(content).length > 0 && { content }),
  }
  return { [status]: described }
}

function media(schema: JsonObject, example: unknown): JsonObject {
  return { schema, ...(example !== undefined && { example }) }
}

/** Every problem that the route may answer with: its own, and those that its access and schemas imply. */
export function problemsOf(route: AnyRoute): ProblemFactory[] {
  const { access } = route
  const bodied = route.body !== undefined
  const implied = [
    httpProblems.invalid,
    ...(bodied
      ? [httpProblems.malformed, httpProblems.tooLarge, httpProblems.unsupportedMedia]
      : []),
    ...(isPublic(route) ? [] : [httpProblems.unauthenticated, httpProblems.noAccount]),
    ...(typeof access === 'string' ? [httpProblems.forbidden] : []),
    ...(takesKeys(route) ? [] : [httpProblems.keyNotAllowed]),
    ...(takesImpersonators(route) ? [] : [httpProblems.notAsAnother]),
    ...(takesUnfinished(route) ? [] : [httpProblems.secondFactorRequired]),
    ...(route.idempotent ? [httpProblems.idempotencyMismatch, httpProblems.idempotencyBusy] : []),
    ...(route.query && 'cursor' in ((route.query as z.ZodObject).shape ?? {})
      ? [httpProblems.badCursor]
      : []),
    httpProblems.internal,
    httpProblems.unavailable,
    httpProblems.stopping,
    ...(route.streams ? [] : [httpProblems.timeout]),
  ]
  return [...new Set([...(route.problems ?? []), ...implied])]
}

/** The refusals of a route by status; routes that may refuse alike share one component. */
function refusals(route: AnyRoute): JsonObject {
  const byStatus = refusalsByStatus(route).map(([status, problems]) => [
    status,
    { $ref: `#/components/responses/${responseName(problems)}` },
  ])
  return Object.fromEntries(byStatus)
}

function refusalsByStatus(route: AnyRoute): [number, ProblemFactory[]][] {
  const byCode = problemsOf(route).sort((a, b) => (a.kind.code < b.kind.code ? -1 : 1))
  return [...Map.groupBy(byCode, (problem) => problem.kind.status)].sort(([a], [b]) => a - b)
}

function responseName(problems: readonly ProblemFactory[]): string {
  return problems.map(({ kind }) => kind.code).join('-or-')
}

function problemResponses(capabilities: readonly Capability[]): JsonObject {
  const all = capabilities.flatMap(({ routes = [] }) => routes).flatMap(refusalsByStatus)
  return sorted(
    Object.fromEntries(all.map(([, problems]) => [responseName(problems), refusal(problems)])),
  )
}

function refusal(problems: readonly ProblemFactory[]): JsonObject {
  const examples = problems.map(({ kind }) => [
    kind.code,
    { $ref: `#/components/examples/${kind.code}` },
  ])
  return {
    description: problems.map(({ kind }) => `\`${kind.code}\`: ${kind.title}.`).join('\n'),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(examples),
      },
    },
  }
}

/** One for each code; the routes refer to them. */
function problemExamples(capabilities: readonly Capability[]): JsonObject {
  const problems = capabilities.flatMap((capability) => capability.routes ?? []).flatMap(problemsOf)
  const examples = [...new Set(problems)].map((problem) => [
    problem.kind.code,
    { summary: problem.kind.title, value: exampleOf(problem) },
  ])
  return sorted(Object.fromEntries(examples) as JsonObject)
}

function exampleOf({ kind }: ProblemFactory): JsonObject {
  return {
    type: `/api/docs/errors#${kind.code}`,
    title: kind.title,
    status: kind.status,
    detail: kind.detail ?? kind.title,
    instance: '/api/v1/sessions',
    code: kind.code,
    category: categoryOf(kind),
    correlationId: '0b6f5a5e-6f0e-4d0a-9c59-6d0f3c1b2a10',
    ...(kind.suggestion && { suggestion: kind.suggestion }),
  }
}

/** JSON Schemas of zod schemas; those with a `meta` id become components. */
class Schemas {
  readonly #named = new Map<string, string>()

  /** `whole` leaves the outermost schema in place even when it has an id. */
  of(schema: z.ZodType, io: 'input' | 'output', whole = false): JsonObject {
    const made = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
      override: plain,
    })
    const {
      $schema: _,
      $defs = {},
      id,
      ...rest
    } = made as JsonObject & { $defs?: Record<string, JsonObject> }
    for (const [name, of] of Object.entries($defs)) this.#name(name, of)
    const body = rename(rest)
    if (whole || typeof id !== 'string') return body
    this.#name(id, body)
    return { $ref: `#/components/schemas/${id}` }
  }

  named(): Record<string, JsonObject> {
    return Object.fromEntries(
      [...this.#named].map(([name, text]) => [name, JSON.parse(text) as JsonObject]),
    )
  }

  #name(name: string, schema: JsonObject): void {
    const { id: _, ...of } = schema
    const text = JSON.stringify(rename(of))
    const known = this.#named.get(name)
    if (known !== undefined && known !== text) {
      throw new Error(
        `schema '${name}' differs between request and answer: give one of them another id`,
      )
    }
    this.#named.set(name, text)
  }
}

/** Leaves out what zod adds and a reader does not need: the bounds of a safe integer, the patterns of known formats. */
function plain({ jsonSchema }: { jsonSchema: JsonObject }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (typeof jsonSchema.format === 'string') delete jsonSchema.pattern
}

function rename(value: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as JsonObject
}

function sorted<Value>(entries: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))
}
