import type { Context } from '#kernel/context.ts'
import type { Tools } from '../tools.ts'
import { countCodes } from './backup-codes.ts'
import { findSecret } from './authenticator-app.ts'

/** What a person has set up. */
export interface Held {
  totp: boolean
  passkeys: number
  codesLeft: number
}

export async function heldBy(ctx: Context, userId: string): Promise<Held> {
  const [secret, passkeys, codesLeft] = [
    await findSecret(ctx, userId, 'active'),
    await countPasskeys(ctx, userId),
    await countCodes(ctx, userId),
  ]
  return { totp: secret !== undefined, passkeys, codesLeft }
}

async function countPasskeys(ctx: Context, userId: string): Promise<number> {
  const { count } = await ctx.db
    .selectFrom('passkeys')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('userId', '=', userId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export function holdsAny({ totp, passkeys }: Held): boolean {
  return totp || passkeys > 0
}

/** One at a time changes or proves the factors of a person. Until the transaction ends. */
export async function lockFactors(ctx: Context, userId: string): Promise<void> {
  await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
}

/** The sign-in has proved more than before, which its next access token tells; a debt of a second factor is settled. */
export async function strengthen(
  tools: Tools,
  ctx: Context,
  signInId: string,
  method: 'otp' | 'hwk',
): Promise<void> {
  const { amr } = await ctx.db
    .selectFrom('signIns')
    .select('amr')
    .where('id', '=', signInId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  await ctx.db
    .updateTable('signIns')
    .set({ amr: [...new Set([...amr, method, 'mfa'])] })
    .where('id', '=', signInId)
    .execute()
  ctx.afterCommit(() => tools.revoked(signInId))
}
