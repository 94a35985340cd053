import { STATUS_CODES } from 'node:http'
import type { z } from 'zod'
import type { Capability } from '../capability.ts'
import { Problem, problemExamples, problemResponses, refusals } from './openapi-problems.ts'
import { type JsonObject, Schemas, sorted } from './openapi-schemas.ts'
import { type AnyRoute, isPublic, knowsCallers, servedPath } from './route.ts'

export interface DocumentOptions {
  title: string
  version: string
  description: string
}

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
