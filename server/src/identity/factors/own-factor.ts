import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { heldBy, holdsAny } from './holding.ts'
import { factorProblems } from './problems.ts'

/**
 * For a change of second factors: whoever holds one has used it in this sign-in, so that the password alone neither adds one nor takes
 * one away. A sign-in that was ended while the caller waited for the person's row changes nothing.
 *
 * @throws problem `factor.use_own_first` or `auth.unauthenticated`
 */
export async function requireOwnFactor(ctx: Context): Promise<void> {
  const { userId, signInId } = signedInActor(ctx)
  const signIn = await ctx.db
    .selectFrom('signIns')
    .select('amr')
    .where('id', '=', signInId)
    .where('revokedAt', 'is', null)
    .executeTakeFirst()
  if (!signIn) throw httpProblems.unauthenticated()
  if (!holdsAny(await heldBy(ctx, userId))) return
  if (!signIn.amr.includes('mfa')) throw factorProblems.useOwnFirst()
}

/** Signs out what was let in by the password alone, now that it takes more; the caller's own sign-in stays. */
export async function endWeakSignIns(tools: Tools, ctx: Context): Promise<void> {
  const { userId, signInId } = signedInActor(ctx)
  const ended = await ctx.db
    .updateTable('signIns')
    .set({ revokedAt: ctx.clock.now(), revokedReason: 'signed_out_elsewhere' })
    .where('userId', '=', userId)
    .where('id', '!=', signInId)
    .where('revokedAt', 'is', null)
    .where('impersonatedFrom', 'is', null)
    .where(sql<boolean>`not 'mfa' = any(amr)`)
    .returning('id')
    .execute()
  for (const { id } of ended) ctx.afterCommit(() => tools.revoked(id))
}
