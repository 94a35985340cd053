import { z } from 'zod'
import { admitExport, requireStepUp, stepUpRequired } from '#identity/index.ts'
import { PageQuery, pageOf } from '#kernel/http/cursor.ts'
import { Reply, route } from '#kernel/http/route.ts'
import type { KeptRecords } from '#kernel/personal-records.ts'
import { started } from '#operations/index.ts'
import { activityRoutes } from './activity-routes.ts'
import { exampleEntry, exampleHead } from './examples.ts'
import { exportEntries } from './export.ts'
import { listHeads } from './heads.ts'
import type { verifyJob } from './jobs.ts'
import { problems } from './problems.ts'
import {
  AuditEntry,
  AuditHead,
  EntryId,
  EntryQuery,
  ExportQuery,
  Started,
  VerifyAudit,
} from './schema.ts'
import { getEntry, listEntries } from './search.ts'
import { startVerification } from './service.ts'

const OPERATION = 'op_06f3k9w2m4qz7x8y1v5t0r6n3b'
const TYPES = { csv: 'text/csv; charset=utf-8', json: 'application/json; charset=utf-8' }

export function routes(
  verify: ReturnType<typeof verifyJob>,
  records: () => readonly KeptRecords[],
) {
  return [...readRoutes, ...verifyRoutes(verify), ...activityRoutes(records)]
}

const readRoutes = [
  route({
    method: 'GET',
    path: '/v1/admin/audit',
    summary: 'Search the audit log, the newest first',
    description:
      'Every filter that is given must fit. A search that takes longer than 3 s is refused.',
    access: 'audit.read',
    query: EntryQuery,
    returns: pageOf(AuditEntry),
    problems: [problems.searchTooWide],
    examples: {
      query: { action: 'setting.*', limit: 20 },
      reply: { items: [exampleEntry], nextCursor: null },
    },
    handler: (ctx, { query }) => listEntries(ctx, query),
  }),
  route({
    method: 'GET',
    path: '/v1/admin/audit/export',
    summary: 'Export a span of the audit log, the oldest first',
    description:
      'At most 366 days at once. CSV for spreadsheets, or a JSON array with one entry a line. The export is an entry itself.',
    access: 'audit.export',
    admit: requireStepUp,
    query: ExportQuery,
    returns: z.array(AuditEntry),
    alsoReturns: ['text/csv'],
    streams: true,
    problems: [stepUpRequired, problems.wrongSpan, problems.tooManyExports],
    examples: {
      query: { format: 'json', from: '2026-11-01T00:00:00Z' },
      reply: [exampleEntry],
    },
    handler: async (ctx, { query }) => {
      await admitExport(ctx, { what: 'audit' })
      const file = await exportEntries(ctx, query)
      const name = `attachment; filename="audit.${query.format}"`
      return Reply.content(file, TYPES[query.format], { 'content-disposition': name })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/admin/audit/heads',
    summary: 'List the signed heads of the audit log, the newest first',
    description:
      'One for each day. Kept elsewhere, a head proves what the log was: `gantry audit verify --head FILE`.',
    access: 'audit.read',
    query: PageQuery,
    returns: pageOf(AuditHead),
    examples: { reply: { items: [exampleHead], nextCursor: null } },
    handler: (ctx, { query }) => listHeads(ctx, query),
  }),
  route({
    method: 'GET',
    path: '/v1/admin/audit/:id',
    summary: 'Show an entry of the audit log',
    access: 'audit.read',
    params: z.strictObject({ id: EntryId }),
    returns: AuditEntry,
    problems: [problems.notFound],
    examples: { params: { id: exampleEntry.id }, reply: exampleEntry },
    handler: (ctx, { params }) => getEntry(ctx, params.id),
  }),
]

function verifyRoutes(verify: ReturnType<typeof verifyJob>) {
  return [
    route({
      method: 'POST',
      path: '/v1/admin/audit/verify',
      summary: 'Verify the hash chain of the audit log',
      description:
        'The work goes on after the answer; follow it at `Location`. Its result says `ok`, and `bad` names the first row that is not as it was.',
      access: 'audit.verify',
      body: VerifyAudit,
      bodyOptional: true,
      returns: Started,
      status: 202,
      examples: { body: { from: 1 }, reply: { operationId: OPERATION } },
      idempotent: {
        resourceId: (reply) => (reply as Started).operationId,
        replay: async (_ctx, operationId) => started({ operationId }),
      },
      handler: async (ctx, { body }) =>
        started({ operationId: await startVerification(ctx, verify, body) }),
    }),
  ]
}
