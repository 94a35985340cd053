import { csvLine as lineOf } from '#kernel/csv.ts'
import type { AuditEntry } from './schema.ts'

const COLUMNS: Record<string, (entry: AuditEntry) => string | number | undefined> = {
  sequence: ({ sequence }) => sequence,
  id: ({ id }) => id,
  at: ({ at }) => at,
  actorKind: ({ actor }) => actor.kind,
  actor: ({ actor }) => actor.keyId ?? actor.userId ?? actor.name,
  action: ({ action }) => action,
  accountId: ({ accountId }) => accountId,
  target: ({ target }) => target,
  result: ({ result }) => result,
  address: ({ address }) => address,
  agent: ({ agent }) => agent,
  correlationId: ({ correlationId }) => correlationId,
  data: ({ data }) => JSON.stringify(data),
  hash: ({ hash }) => hash,
}

export const csvHead = lineOf(Object.keys(COLUMNS))

export function csvLine(entry: AuditEntry): string {
  return lineOf(Object.values(COLUMNS).map((valueOf) => valueOf(entry)))
}
