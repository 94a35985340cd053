import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { rolesOf } from '../users.ts'
import type { Ends } from './life.ts'

/** A key as it counts now, with the roles that its maker has now. */
interface Holder {
  actor: Actor & { kind: 'key' }
  ends: Ends
  isOrphan: boolean
  allowedAddresses: string[]
  lastUsedAt: Date | null
}

/** What is behind the key of this hash; nothing when it was never made here. */
export async function findHolder(db: Db, keyHash: Buffer): Promise<Holder | undefined> {
  const row = await db
    .selectFrom('apiKeys')
    .innerJoin('users', 'users.id', 'apiKeys.createdBy')
    .innerJoin('accounts', 'accounts.id', 'apiKeys.accountId')
    .leftJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'apiKeys.accountId')
        .onRef('members.userId', '=', 'apiKeys.createdBy'),
    )
    .select(['apiKeys.id as keyId', 'apiKeys.accountId', 'apiKeys.createdBy as userId'])
    .select(['apiKeys.scopes', 'apiKeys.allowedAddresses', 'apiKeys.lastUsedAt'])
    .select(['apiKeys.expiresAt', 'apiKeys.revokedAt', 'apiKeys.overlapEndsAt'])
    .select(['users.status', 'users.platformRoles', 'members.role', 'accounts.kind'])
    .where('apiKeys.keyHash', '=', keyHash)
    .executeTakeFirst()
  if (!row) return undefined
  const { keyId, accountId, userId, scopes, allowedAddresses, lastUsedAt } = row
  const { expiresAt, revokedAt, overlapEndsAt, role } = row
  const roles = role ? rolesOf(row.platformRoles, role, row.kind) : []
  return {
    actor: { kind: 'key', keyId, userId, accountId, roles, scopes },
    ends: { expiresAt, revokedAt, overlapEndsAt },
    isOrphan: row.status !== 'active' || !role,
    allowedAddresses,
    lastUsedAt,
  }
}
