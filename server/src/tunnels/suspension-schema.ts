import { z } from 'zod'
import type { TunnelRow } from './tables.ts'

export const Suspension = z.strictObject({ at: z.iso.datetime(), reason: z.string() }).meta({
  id: 'TunnelSuspension',
  description: 'There while the operator keeps the tunnel from serving',
})
export type Suspension = z.output<typeof Suspension>

/** Undefined while there is none. */
export function presentSuspension({
  suspendedAt,
  suspendedReason,
}: Pick<TunnelRow, 'suspendedAt' | 'suspendedReason'>): Suspension | undefined {
  if (!suspendedAt) return undefined
  return { at: suspendedAt.toISOString(), reason: suspendedReason! }
}

/** Whether agents may hold it open and visitors may come: its account wants that, and the operator does not forbid it. */
export function mayServe({
  started,
  suspendedAt,
}: Pick<TunnelRow, 'started' | 'suspendedAt'>): boolean {
  return started && !suspendedAt
}
