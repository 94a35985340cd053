import type { Context } from '#kernel/context.ts'
import type { UserRow } from '../users.ts'
import { deleteCodes } from './backup-codes.ts'
import { factorDisabled, passkeyRemoved } from './events.ts'

/** Removes every second factor of a person, in the caller's transaction; announces `passkey.removed` and `second_factor.disabled`. */
export async function dropFactors(ctx: Context, user: UserRow): Promise<void> {
  const { id: userId } = user
  const { events } = ctx.actingFor(user.accountId)
  const secrets = await ctx.db
    .deleteFrom('totpSecrets')
    .where('userId', '=', userId)
    .returning('state')
    .execute()
  const passkeys = await ctx.db
    .deleteFrom('passkeys')
    .where('userId', '=', userId)
    .returning(['id', 'name'])
    .execute()
  await deleteCodes(ctx, userId)
  for (const { id: passkeyId, name } of passkeys) {
    await events.emit(passkeyRemoved, { userId, passkeyId, name })
  }
  const hadApp = secrets.some(({ state }) => state === 'active')
  const hadPasskeys = passkeys.length > 0
  if (hadPasskeys) {
    await events.emit(factorDisabled, { userId, method: 'passkey', isLast: !hadApp })
  }
  if (hadApp) await events.emit(factorDisabled, { userId, method: 'totp', isLast: true })
}
