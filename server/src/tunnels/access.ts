import type { Context } from '#kernel/context.ts'
import type { PutTunnelAccess } from './access-schema.ts'
import type { TunnelParts } from './parts.ts'
import { problems } from './problems.ts'
import type { TunnelRow } from './tables.ts'

type Access = TunnelRow['access']

export const PUBLIC: Access = { policy: 'public', addresses: [], generation: 0 }

/**
 * As it was sent; a password that is not sent again stays. What was let in so far has to ask again when anything changes.
 *
 * @throws problem `tunnel.password_missing`
 */
export async function changedAccess(
  { signal }: Context,
  { hashPassword }: Pick<TunnelParts, 'hashPassword'>,
  before: Access,
  { policy, addresses, password, hasPassword }: PutTunnelAccess,
): Promise<Access> {
  const kept = hasPassword === false ? undefined : before.passwordHash
  const passwordHash = password === undefined ? kept : await hashPassword(password, signal)
  if (policy === 'password' && !passwordHash) {
    throw problems.passwordMissing({ what: 'the policy `password`' })
  }
  const isSame =
    policy === before.policy &&
    passwordHash === before.passwordHash &&
    String(addresses) === String(before.addresses)
  if (isSame) return before
  return {
    ...{ policy, addresses, generation: before.generation + 1 },
    ...(passwordHash && { passwordHash }),
  }
}
