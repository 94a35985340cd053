import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { keyRevoked } from './events.ts'

/**
 * Ends every key that the person made in the account, in the caller's transaction, so that none counts again should they come back.
 * Announces `api_key.revoked` for each that was not revoked before.
 */
export async function endKeysOf(tools: Tools, ctx: Context, userId: string): Promise<void> {
  const ended = await ctx.db
    .updateTable('apiKeys')
    .set({ revokedAt: ctx.clock.now(), sealedKey: null })
    .where('accountId', '=', ctx.accountId)
    .where('createdBy', '=', userId)
    .where('revokedAt', 'is', null)
    .returning(['id', 'name'])
    .execute()
  for (const { id: keyId, name } of ended) {
    await ctx.events.emit(keyRevoked, { keyId, name })
    ctx.afterCommit(() => tools.keyChanged(keyId))
  }
}
