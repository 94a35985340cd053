import { type PatchTunnelConfig, PutTunnelConfig } from './config-schema.ts'
import { refuseRedacted } from './config-present.ts'
import { problems } from './problems.ts'
import type { TunnelConfig } from './spec.ts'

/** The configuration of a tunnel of which nothing was said. */
export const DEFAULT_CONFIG: TunnelConfig = withoutAuth(PutTunnelConfig.parse({}))

/** As it was sent; a password that is not sent again stays. @throws problem `tunnel.password_missing` or `tunnel.value_redacted` */
export function wholeConfig(
  before: TunnelConfig,
  sent: PutTunnelConfig,
  passwordHash: string | undefined,
): TunnelConfig {
  const basicAuth = sent.basicAuth && withHash(before, sent.basicAuth, passwordHash)
  return checked({ ...withoutAuth(sent), ...(basicAuth && { basicAuth }) })
}

/** With what was sent in place of what it was. @throws problem `tunnel.password_missing` or `tunnel.value_redacted` */
export function patchedConfig(
  before: TunnelConfig,
  { basicAuth: sent, bandwidthBytesPerSecond: bandwidth, ...patch }: PatchTunnelConfig,
  passwordHash: string | undefined,
): TunnelConfig {
  const { basicAuth: authBefore, bandwidthBytesPerSecond: bandwidthBefore, ...rest } = before
  const basicAuth = sent === undefined ? authBefore : sent && withHash(before, sent, passwordHash)
  const bandwidthBytesPerSecond = bandwidth === undefined ? bandwidthBefore : bandwidth
  return checked({
    ...rest,
    ...given(patch),
    ...(basicAuth && { basicAuth }),
    ...(bandwidthBytesPerSecond && { bandwidthBytesPerSecond }),
  })
}

function checked(config: TunnelConfig): TunnelConfig {
  refuseRedacted(config)
  return config
}

function withoutAuth({ basicAuth: _auth, ...config }: PutTunnelConfig): TunnelConfig {
  return config
}

function withHash(
  before: TunnelConfig,
  { username }: { username: string },
  sentHash: string | undefined,
): NonNullable<TunnelConfig['basicAuth']> {
  const passwordHash = sentHash ?? before.basicAuth?.passwordHash
  if (!passwordHash) throw problems.passwordMissing({ what: 'basic authentication' })
  return { username, passwordHash }
}

/** Without the members that were left out. */
function given<Members extends object>(members: Members): Partial<Members> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<Members>
}
