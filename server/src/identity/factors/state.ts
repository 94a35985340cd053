import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { findUser, signedInActor } from '../users.ts'
import { countCodes } from './backup-codes.ts'
import { findSecret } from './authenticator-app.ts'
import { listPasskeys } from './passkeys/service.ts'
import { isDemandedOf } from './requirement.ts'
import type { FactorState } from './schema.ts'

/** What the person who is signed in has set up, and whether they must. */
export async function factorState(tools: Tools, ctx: Context): Promise<FactorState> {
  const { userId } = signedInActor(ctx)
  const user = (await findUser(ctx.db, 'id', userId))!
  const secret = await findSecret(ctx, userId, 'active')
  const passkeys = await listPasskeys(ctx)
  return {
    enabled: secret !== undefined || passkeys.length > 0,
    required: await isDemandedOf(tools, ctx, user),
    authenticatorApp: secret ? { createdAt: secret.createdAt.toISOString() } : null,
    passkeys,
    backupCodesLeft: await countCodes(ctx, userId),
  }
}
