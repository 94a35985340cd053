import { z } from 'zod'

/** In the order in which a visitor's request meets them. */
export const CHECKS = [
  'started',
  'agent',
  'links',
  'relays',
  'port',
  'hostname',
  'certificate',
  'access',
  'quota',
  'limits',
  'endpoints',
  'requests',
] as const
export type CheckName = (typeof CHECKS)[number]

export const TunnelCheck = z
  .strictObject({
    name: z.enum(CHECKS),
    status: z.enum(['ok', 'warning', 'failed', 'skipped']),
    detail: z.string(),
    fix: z.string().optional().meta({ description: 'What to do about it' }),
  })
  .meta({ id: 'TunnelCheck' })
export type TunnelCheck = z.output<typeof TunnelCheck>

export const TunnelDiagnostics = z
  .strictObject({
    tunnelId: z.string(),
    at: z.iso.datetime(),
    status: z.enum(['ok', 'warning', 'failed']),
    summary: z.string(),
    checks: z
      .array(TunnelCheck)
      .meta({ description: 'In the order in which a visitor’s request meets them' }),
  })
  .meta({ id: 'TunnelDiagnostics' })
export type TunnelDiagnostics = z.output<typeof TunnelDiagnostics>
