import type { AuditEntry } from './schema.ts'

/** Spreadsheets take a cell that begins so for a formula (OWASP: CSV injection). */
const FORMULA = /^[=+\-@\t\r]/

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

export const csvHead = `${Object.keys(COLUMNS).join(',')}\r\n`

/** One line (RFC 4180). */
export function csvLine(entry: AuditEntry): string {
  const cells = Object.values(COLUMNS).map((valueOf) => cell(String(valueOf(entry) ?? '')))
  return `${cells.join(',')}\r\n`
}

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
