import { z } from 'zod'

export const ExportId = z.string().min(1).max(64).meta({ description: '`exp_…`' })

export const StartedExport = z
  .strictObject({
    operationId: z.string().meta({ description: 'Followed at `/v1/operations/{id}`' }),
    exportId: ExportId,
  })
  .meta({ id: 'StartedExport' })
export type StartedExport = z.output<typeof StartedExport>

export const DataExport = z
  .strictObject({
    id: ExportId,
    status: z.enum(['making', 'ready', 'failed']),
    bytes: z.int().optional(),
    createdAt: z.iso.datetime(),
    readyAt: z.iso.datetime().optional(),
    expiresAt: z.iso.datetime().meta({ description: 'When it is deleted' }),
  })
  .meta({ id: 'DataExport' })
export type DataExport = z.output<typeof DataExport>

export const ExportDownload = z
  .strictObject({
    url: z.string().meta({ description: 'Works without a token: pass it to nobody' }),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'ExportDownload' })
