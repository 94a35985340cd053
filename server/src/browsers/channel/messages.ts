import { z } from 'zod'
import { httpProblems } from '#kernel/http/problems.ts'
import type { FieldError } from '#kernel/problem.ts'
import { SessionId } from '../schema.ts'
import type { FeedKind } from '../watch/feed.ts'

const KINDS = [
  ...(['state', 'console', 'network', 'dialog', 'download'] as const),
  ...(['lifecycle', 'command', 'control', 'egress'] as const),
] satisfies FeedKind[]

/** What the pages load is told only to those who ask for it: it costs the browser something. */
const USUAL_KINDS = KINDS.filter((kind) => kind !== 'network')

const sessionId = SessionId

export const Command = z.strictObject({
  sessionId,
  type: z.string().max(50),
  params: z.unknown().optional(),
})

export const State = z.strictObject({ sessionId })

export const Watch = z.strictObject({
  sessionId,
  kinds: z.array(z.enum(KINDS)).min(1).max(KINDS.length).default(USUAL_KINDS),
  after: z.int().min(0).optional(),
})

export const Unwatch = z.strictObject({ sessionId })

export const Control = z.discriminatedUnion('action', [
  z.strictObject({ sessionId, action: z.literal('show') }),
  z.strictObject({
    ...{ sessionId, action: z.literal('request') },
    seconds: z.int().min(1).max(3600).default(300),
    reason: z.string().max(500).optional(),
    force: z.boolean().optional(),
  }),
  z.strictObject({ sessionId, action: z.literal('return') }),
])

export const Authenticate = z.union([
  z.strictObject({ token: z.string().min(1).max(8192) }),
  z.strictObject({ ticket: z.string().min(1).max(200) }),
])

/** As deep as bodies of REST may be. */
const MAX_DEPTH = 32

/** @throws problem `request.invalid` that names each member that does not count, or `request.malformed` */
export function read<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.output<Schema> {
  if (isDeeper(value, MAX_DEPTH)) throw httpProblems.malformed({ detail: 'It is nested too deep.' })
  const { data, error } = schema.safeParse(value)
  if (!error) return data
  const errors = error.issues.slice(0, 50).map(({ path, message }): FieldError => ({
    path: [place, ...path].join('.'),
    message,
  }))
  throw httpProblems.invalid({ errors })
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1))
}
