import type { Context } from '#kernel/context.ts'
import { requireStepUp } from '../../step-up.ts'
import type { Tools } from '../../tools.ts'
import { findUser, signedInActor } from '../../users.ts'
import { afterGivingUp } from '../change.ts'
import { passkeyRemoved } from '../events.ts'
import { lockFactors } from '../holding.ts'
import { tellChange } from '../notices.ts'
import { requireOwnFactor } from '../own-factor.ts'
import { factorProblems } from '../problems.ts'
import type { Passkey } from '../schema.ts'
import type { PasskeyRow } from '../tables.ts'

/** Oldest first; a person may have 20. */
export async function ownPasskeys(ctx: Context, userId: string): Promise<PasskeyRow[]> {
  return ctx.db
    .selectFrom('passkeys')
    .selectAll()
    .where('userId', '=', userId)
    .orderBy('createdAt')
    .orderBy('id')
    .execute()
}

export async function listPasskeys(ctx: Context): Promise<Passkey[]> {
  const passkeys = await ownPasskeys(ctx, signedInActor(ctx).userId)
  return passkeys.map(presentPasskey)
}

/**
 * Removes one of the caller's passkeys; announces `passkey.removed`. With the last factor the backup codes go.
 *
 * @throws problem `auth.step_up_required`, `factor.use_own_first`, `passkey.not_found` or `factor.mandatory`
 */
export async function removePasskey(tools: Tools, ctx: Context, id: string): Promise<void> {
  await requireStepUp(ctx)
  const { userId } = signedInActor(ctx)
  await ctx.transaction(async (ctx) => {
    await lockFactors(ctx, userId)
    await requireOwnFactor(ctx)
    const removed = await ctx.db
      .deleteFrom('passkeys')
      .where('id', '=', id)
      .where('userId', '=', userId)
      .returning('name')
      .executeTakeFirst()
    if (!removed) throw factorProblems.passkeyNotFound({ id })
    await ctx.events.emit(passkeyRemoved, { userId, passkeyId: id, name: removed.name })
    const user = (await findUser(ctx.db, 'id', userId))!
    await afterGivingUp(tools, ctx, user, 'passkey')
    await tellChange(ctx, user, 'passkey_removed')
  })
}

export function presentPasskey({ id, name, isSynced, createdAt, lastUsedAt }: PasskeyRow): Passkey {
  return {
    ...{ id, name, isSynced, createdAt: createdAt.toISOString() },
    ...(lastUsedAt && { lastUsedAt: lastUsedAt.toISOString() }),
  }
}
