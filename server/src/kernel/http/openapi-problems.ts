import { z } from 'zod'
import type { Capability } from '../capability.ts'
import { categories, categoryOf, type ProblemFactory } from '../problem.ts'
import { type JsonObject, sorted } from './openapi-schemas.ts'
import { httpProblems } from './problems.ts'
import { type AnyRoute, isPublic, takesImpersonators, takesKeys, takesUnfinished } from './route.ts'

export const Problem = z
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
export function refusals(route: AnyRoute): JsonObject {
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

export function problemResponses(capabilities: readonly Capability[]): JsonObject {
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
export function problemExamples(capabilities: readonly Capability[]): JsonObject {
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
