import { z } from 'zod'
import { operationNotFound, started } from '#operations/index.ts'
import { PageQuery, pageOf } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { problems } from '../../problems.ts'
import { staffProblems } from '../../staff/problems.ts'
import { exampleOperation, exampleSeen } from '../examples.ts'
import { administrationProblems } from '../problems.ts'
import { BulkChange, BulkRow, BulkStarted } from '../schema.ts'
import { listRows } from './rows.ts'
import { startBulk } from './start.ts'

const { isYou, belongsElsewhere, tooManyBulk } = administrationProblems
const { notFound, notBelowYou, aboveYou } = staffProblems

export const bulkRoutes = [
  route({
    method: 'POST',
    path: '/v1/admin/users/bulk',
    summary: 'Change up to 1,000 users, or make them, as one operation',
    description:
      'If one of them may not be changed by you, nothing is. Else each is changed by itself after the answer: follow the operation at ' +
      '`Location`, cancel it there, and see what became of each at `GET /v1/admin/bulk/{id}`. Takes a fresh proof of who you are.',
    access: 'users.write',
    body: BulkChange,
    returns: BulkStarted,
    status: 202,
    problems: [
      ...[notFound, notBelowYou, aboveYou, isYou, belongsElsewhere, tooManyBulk],
      ...[httpProblems.noAccount, problems.stepUpRequired, httpProblems.keyNotAllowed],
    ],
    examples: {
      body: { operation: 'deactivate', userIds: [exampleSeen.id], reason: 'Ticket 4711' },
      reply: exampleOperation,
    },
    idempotent: {
      resourceId: (reply) => (reply as BulkStarted).operationId,
      replay: async (_ctx, operationId) => started({ operationId }),
    },
    handler: async (ctx, { body }) => started({ operationId: await startBulk(ctx, body) }),
  }),
  route({
    method: 'GET',
    path: '/v1/admin/bulk/:id',
    summary: 'Show what became of each user of a change to many',
    description:
      'In the order in which they were sent; kept for as long as the operation, 30 days.',
    access: 'users.read',
    params: z.strictObject({ id: BulkStarted.shape.operationId }),
    query: PageQuery,
    returns: pageOf(BulkRow),
    problems: [operationNotFound],
    examples: {
      params: { id: exampleOperation.operationId },
      query: { limit: 100 },
      reply: { items: [{ row: 0, userId: exampleSeen.id, status: 'done' }], nextCursor: null },
    },
    handler: (ctx, { params, query }) => listRows(ctx, params.id, query),
  }),
]
