import type { Context } from '#kernel/context.ts'
import { dropFactors } from './factors/drop.ts'
import { revokeKeysOf } from './keys/service.ts'
import { dropIdentities } from './oauth/identities.ts'
import type { Tools } from './tools.ts'
import type { UserRow } from './users.ts'

/**
 * Takes the address as proven, in the transaction of the caller: whoever has the mail has the address. When it was not before, somebody
 * else may have registered it, so what would let them in again goes: second factors, linked identities and API keys.
 */
export async function claimAddress(tools: Tools, ctx: Context, user: UserRow): Promise<void> {
  const claimed = await ctx.db
    .updateTable('users')
    .set({ emailVerified: true })
    .where('id', '=', user.id)
    .where('email', '=', user.email)
    .where('emailVerified', '=', false)
    .returning('id')
    .executeTakeFirst()
  if (!claimed) return
  await dropFactors(ctx, user)
  await dropIdentities(ctx, user)
  await revokeKeysOf(tools, ctx, user.id)
}
