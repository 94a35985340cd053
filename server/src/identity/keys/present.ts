import { statusOf } from './life.ts'
import type { ApiKey, NewApiKey } from './schema.ts'
import type { ApiKeyRow } from './tables.ts'

/** A key that was just made, with its secret: for the one answer that shows it. */
export interface Made {
  row: ApiKeyRow
  key: string
}

export function presentKey(row: ApiKeyRow, now: Date): ApiKey {
  const { id, accountId, name, mode, prefix, scopes, allowedAddresses, createdBy } = row
  const { lastUsedAt, lastUsedIp, revokedAt, replacedBy, overlapEndsAt } = row
  return {
    ...{ id, accountId, name, mode, prefix, scopes, allowedAddresses, createdBy },
    status: statusOf(row, now),
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    ...(lastUsedAt && { lastUsedAt: lastUsedAt.toISOString() }),
    ...(lastUsedIp && { lastUsedIp }),
    ...(revokedAt && { revokedAt: revokedAt.toISOString() }),
    ...(replacedBy && { replacedBy }),
    ...(overlapEndsAt && { overlapEndsAt: overlapEndsAt.toISOString() }),
  }
}

export function presentMade({ row, key }: Made, now: Date): NewApiKey {
  return { ...presentKey(row, now), key }
}
