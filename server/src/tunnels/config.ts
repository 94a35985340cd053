import type { Context } from '#kernel/context.ts'
import { type PatchTunnelConfig, PutTunnelConfig } from './config-schema.ts'
import type { TunnelParts } from './parts.ts'
import { problems } from './problems.ts'
import type { TunnelConfig } from './spec.ts'

type BasicAuth = PutTunnelConfig['basicAuth']

/** The configuration of a tunnel of which nothing was said. */
export const DEFAULT_CONFIG: TunnelConfig = withoutAuth(PutTunnelConfig.parse({}))

/** As it was sent; a password that is not sent again stays. @throws problem `tunnel.password_missing` */
export async function wholeConfig(
  ctx: Context,
  parts: Pick<TunnelParts, 'hashPassword'>,
  before: TunnelConfig,
  sent: PutTunnelConfig,
): Promise<TunnelConfig> {
  const basicAuth = sent.basicAuth && (await hashed(ctx, parts, before, sent.basicAuth))
  return { ...withoutAuth(sent), ...(basicAuth && { basicAuth }) }
}

/** With what was sent in place of what it was. @throws problem `tunnel.password_missing` */
export async function patchedConfig(
  ctx: Context,
  parts: Pick<TunnelParts, 'hashPassword'>,
  before: TunnelConfig,
  { basicAuth: sent, bandwidthBytesPerSecond: bandwidth, ...patch }: PatchTunnelConfig,
): Promise<TunnelConfig> {
  const { basicAuth: authBefore, bandwidthBytesPerSecond: bandwidthBefore, ...rest } = before
  const basicAuth =
    sent === undefined ? authBefore : sent && (await hashed(ctx, parts, before, sent))
  const bandwidthBytesPerSecond = bandwidth === undefined ? bandwidthBefore : bandwidth
  return {
    ...rest,
    ...given(patch),
    ...(basicAuth && { basicAuth }),
    ...(bandwidthBytesPerSecond && { bandwidthBytesPerSecond }),
  }
}

function withoutAuth({ basicAuth: _, ...config }: PutTunnelConfig): TunnelConfig {
  return config
}

async function hashed(
  { signal }: Context,
  { hashPassword }: Pick<TunnelParts, 'hashPassword'>,
  before: TunnelConfig,
  { username, password }: NonNullable<BasicAuth>,
): Promise<NonNullable<TunnelConfig['basicAuth']>> {
  if (password !== undefined)
    return { username, passwordHash: await hashPassword(password, signal) }
  if (!before.basicAuth) throw problems.passwordMissing({ what: 'basic authentication' })
  return { username, passwordHash: before.basicAuth.passwordHash }
}

/** Without the members that were left out. */
function given<Members extends object>(members: Members): Partial<Members> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<Members>
}
