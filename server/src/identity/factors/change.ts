import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { findUser, signedInActor, type UserRow } from '../users.ts'
import { findSecret } from './authenticator-app.ts'
import { deleteCodes, replaceCodes } from './backup-codes.ts'
import { codesRegenerated, factorDisabled, type FactorMethod } from './events.ts'
import { heldBy, holdsAny, lockFactors } from './holding.ts'
import { tellChange } from './notices.ts'
import { requireOwnFactor } from './own-factor.ts'
import { factorProblems } from './problems.ts'
import { byCode, withProof } from './proof.ts'
import { forgetDevices } from './remembered.ts'
import { isDemandedOf } from './requirement.ts'

interface ByCode {
  /** Of the app, or a backup code. */
  code: string
  client: Client
}

/**
 * Gives up the authenticator app; announces `second_factor.disabled`. When no passkey is left, the backup codes go too.
 *
 * @throws problem `auth.step_up_required`, `factor.not_enabled`, `factor.mandatory` or what `withProof` throws
 */
export async function disableTotp(
  tools: Tools,
  ctx: Context,
  { code, client }: ByCode,
): Promise<void> {
  await requireStepUp(ctx)
  const { userId } = signedInActor(ctx)
  if (!(await findSecret(ctx, userId, 'active'))) throw factorProblems.notEnabled()
  const proving = { userId, proof: byCode(tools, code), purpose: 'change', client } as const
  await withProof(tools, ctx, proving, async (ctx, user) => {
    await ctx.db.deleteFrom('totpSecrets').where('userId', '=', userId).execute()
    await afterGivingUp(tools, ctx, user, 'totp')
    await tellChange(ctx, user, 'disabled')
  })
}

/**
 * What follows when a person has given up a factor, in the same transaction: remembered devices are forgotten, and with the last factor
 * the backup codes go. Announces `second_factor.disabled` when the app or the last passkey went.
 *
 * @throws problem `factor.mandatory` when it was the last and one is demanded
 */
export async function afterGivingUp(
  tools: Tools,
  ctx: Context,
  user: UserRow,
  method: FactorMethod,
): Promise<void> {
  const { id: userId } = user
  const held = await heldBy(ctx, userId)
  const isLast = !holdsAny(held)
  if (isLast && (await isDemandedOf(tools, ctx, user))) throw factorProblems.mandatory()
  if (isLast) await deleteCodes(ctx, userId)
  await forgetDevices(ctx, userId)
  if (method === 'passkey' && held.passkeys > 0) return
  await ctx.events.emit(factorDisabled, { userId, method, isLast })
}

/**
 * Replaces the backup codes; announces `backup_codes.regenerated`.
 *
 * @throws problem `auth.step_up_required`, `factor.not_enabled` or `factor.use_own_first`
 */
export async function regenerateCodes(
  tools: Tools,
  ctx: Context,
): Promise<{ backupCodes: string[] }> {
  await requireStepUp(ctx)
  const { userId } = signedInActor(ctx)
  return ctx.transaction(async (ctx) => {
    await lockFactors(ctx, userId)
    if (!holdsAny(await heldBy(ctx, userId))) throw factorProblems.notEnabled()
    await requireOwnFactor(ctx)
    const backupCodes = await replaceCodes(tools, ctx, userId)
    await ctx.events.emit(codesRegenerated, { userId })
    const user = (await findUser(ctx.db, 'id', userId))!
    await tellChange(ctx, user, 'backup_codes_regenerated', backupCodes.length)
    return { backupCodes }
  })
}
