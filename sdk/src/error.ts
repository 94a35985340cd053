import type { components } from './openapi.d.ts'

type Problem = components['schemas']['Problem']

/** What the server refused or failed to do. Switch on `code`: it stays the same, while texts may change. */
export class GantryError extends Error {
  readonly code: Problem['code']
  readonly status: Problem['status']
  readonly detail: Problem['detail']
  /** What to change. */
  readonly suggestion: Problem['suggestion']
  /** Finds the request in the server's log. */
  readonly correlationId: string | undefined
  /** The members of the request that are wrong. */
  readonly errors: NonNullable<Problem['errors']>

  constructor({ code, status, detail, suggestion, correlationId, errors = [] }: ProblemFacts) {
    super(`${code}: ${detail}`)
    this.name = 'GantryError'
    this.code = code
    this.status = status
    this.detail = detail
    this.suggestion = suggestion
    this.correlationId = correlationId
    this.errors = errors
  }
}

type ProblemFacts = Pick<Problem, 'code' | 'status' | 'detail' | 'suggestion' | 'errors'> & {
  correlationId?: string
}

/** Of an answer that no Gantry gave, such as the error page of a proxy on the way. */
const FOREIGN = 'response.not_from_gantry'

/** The error that a response with a status from 300 up stands for; reads its body. */
export async function errorOf(response: Response): Promise<GantryError> {
  return errorFrom(response, await response.text())
}

/** The same of an answer whose body was read. */
export function errorFrom(
  { status, statusText }: { status: number; statusText: string },
  body: string,
): GantryError {
  return new GantryError(
    parseProblem(body) ?? {
      status,
      code: FOREIGN,
      detail: `the answer was ${status} ${statusText}`,
    },
  )
}

function parseProblem(text: string): ProblemFacts | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null
    return typeof value?.code === 'string' ? (value as Problem) : undefined
  } catch {
    return undefined
  }
}
