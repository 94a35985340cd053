import { isDeepStrictEqual } from 'node:util'
import type { PutTunnelAccess } from './access-schema.ts'
import { problems } from './problems.ts'
import type { TunnelRow } from './tables.ts'

type Access = TunnelRow['access']

export const PUBLIC: Access = { policy: 'public', addresses: [], generation: 0 }

/** What can be demanded of visitors who bring bytes and nothing else. @throws problem `tunnel.setting_unfit` */
export function checkFit(
  kind: TunnelRow['kind'],
  { access, config }: Pick<TunnelRow, 'access' | 'config'>,
): void {
  if (kind === 'http') return
  if (access.policy !== 'public' && access.policy !== 'addresses') {
    throw problems.unfit({ what: `policy \`${access.policy}\`` })
  }
  if (config.basicAuth) throw problems.unfit({ what: 'basic authentication' })
}

/**
 * As it was sent; a password that is not sent again stays. What was let in so far has to ask again when anything changes.
 *
 * @throws problem `tunnel.password_missing`
 */
export function changedAccess(
  before: Access,
  { policy, addresses, hasPassword }: PutTunnelAccess,
  sentHash: string | undefined,
): Access {
  const passwordHash = sentHash ?? (hasPassword === false ? undefined : before.passwordHash)
  if (policy === 'password' && !passwordHash) {
    throw problems.passwordMissing({ what: 'the policy `password`' })
  }
  const wanted = { policy, addresses, ...(passwordHash && { passwordHash }) }
  const { generation, ...was } = before
  return isDeepStrictEqual(wanted, was) ? before : { ...wanted, generation: generation + 1 }
}
