import { Reply } from '#kernel/http/route.ts'

/** The answer to who has started an operation: where to follow it. */
export function started(body: { operationId: string }): Reply {
  const location = `/api/v1/operations/${body.operationId}`
  return Reply.json(body, { status: 202, headers: { location } })
}
