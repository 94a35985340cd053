import type { Context } from '#kernel/context.ts'
import { TurnsFull } from '#kernel/turns.ts'
import type { PutTunnelAccess } from './access-schema.ts'
import type { PatchTunnelConfig } from './config-schema.ts'
import type { TunnelParts } from './parts.ts'
import { problems } from './problems.ts'

/** Hashes of the passwords that were sent; made before the transaction, since they take a while. */
export interface SentHashes {
  basicAuth: string | undefined
  access: string | undefined
}

/** @throws problem `tunnel.busy` */
export async function hashesOf(
  ctx: Context,
  parts: Pick<TunnelParts, 'hashPassword'>,
  sent: {
    config?: Pick<PatchTunnelConfig, 'basicAuth'> | undefined
    access?: PutTunnelAccess | undefined
  },
): Promise<SentHashes> {
  const hash = async (password: string | undefined) =>
    password === undefined ? undefined : parts.hashPassword(password, ctx.signal)
  try {
    const [basicAuth, access] = await Promise.all([
      hash(sent.config?.basicAuth?.password),
      hash(sent.access?.password),
    ])
    return { basicAuth, access }
  } catch (error) {
    if (!(error instanceof TurnsFull)) throw error
    throw problems.busy({ retryAfterSeconds: 5 })
  }
}
