import { z } from 'zod'
import { route } from '#kernel/http/route.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { started } from '#operations/index.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { exportProblems } from './problems.ts'
import { DataExport, ExportDownload, ExportId, StartedExport } from './schema.ts'
import { downloadExport, getExport, startExport } from './service.ts'
import type { DataExportRow } from './tables.ts'

const OWN = { signedIn: 'everybody gets a copy of their own data' }
const ID = 'exp_06f3k9w2m4qz7x8y1v5t0r6n3b'
const OPERATION = 'op_06f3k9w2m4qz7x8y1v5t0r6n3b'
const params = z.strictObject({ id: ExportId })

export function exportRoutes(tools: () => Tools, store: () => ObjectStore) {
  const { stepUpRequired, tooManyAttempts } = problems
  return [
    route({
      method: 'POST',
      path: '/v1/users/me/export',
      summary: 'Export what is kept about you',
      description:
        'Needs a fresh proof. The work goes on after the answer: follow it at `Location`; a mail tells when it is done. ' +
        'One at a time, and three a day. The export is deleted after 7 days.',
      access: OWN,
      returns: StartedExport,
      status: 202,
      problems: [stepUpRequired, tooManyAttempts, exportProblems.underWay],
      examples: { reply: { operationId: OPERATION, exportId: ID } },
      handler: async (ctx) => started(await startExport(tools(), ctx)),
    }),
    route({
      method: 'GET',
      path: '/v1/users/me/export/:id',
      summary: 'Show an export of your data',
      access: OWN,
      params,
      returns: DataExport,
      problems: [exportProblems.notFound],
      examples: { params: { id: ID }, reply: exampleExport },
      handler: async (ctx, { params }) => present(await getExport(ctx, params.id)),
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/export/:id/download',
      summary: 'Get an address to download your data from',
      description: 'Needs a fresh proof. The address works for 5 minutes.',
      access: OWN,
      params,
      returns: ExportDownload,
      problems: [stepUpRequired, exportProblems.notFound, exportProblems.notReady],
      examples: {
        params: { id: ID },
        reply: {
          url: 'https://gantry.example.com/objects/exports/…?expires=…&signature=…',
          expiresAt: '2026-11-20T12:05:00.000Z',
        },
      },
      handler: (ctx, { params }) => downloadExport(ctx, store(), params.id),
    }),
  ]
}

const exampleExport: DataExport = {
  id: ID,
  status: 'ready',
  bytes: 48_211,
  createdAt: '2026-11-20T12:00:00.000Z',
  readyAt: '2026-11-20T12:00:02.000Z',
  expiresAt: '2026-11-27T12:00:00.000Z',
}

function present({ id, status, bytes, createdAt, readyAt, expiresAt }: DataExportRow): DataExport {
  return {
    ...{ id, status, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() },
    ...(bytes !== null && { bytes: Number(bytes) }),
    ...(readyAt && { readyAt: readyAt.toISOString() }),
  }
}
