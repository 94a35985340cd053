import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'
import type { OneTimeTokenRow, TokenPurpose } from './tables.ts'

const TOKEN_BYTES = 32
const MINUTE_MS = 60 * 1000
/** Those of a purpose that is not here end when whoever issues them says. */
const LIFE_MS = {
  verify_email: 24 * 60 * MINUTE_MS,
  reset_password: 30 * MINUTE_MS,
  confirm_new_email: 24 * 60 * MINUTE_MS,
} as const satisfies Partial<Record<TokenPurpose, number>>

export function lifeMinutes(purpose: keyof typeof LIFE_MS): number {
  return LIFE_MS[purpose] / MINUTE_MS
}

type Issued = Pick<OneTimeTokenRow, 'userId' | 'email'> &
  ({ purpose: keyof typeof LIFE_MS } | { purpose: TokenPurpose; expiresAt: Date })

/** A token for a link in a mail to this address: good once, for its purpose only. It voids the one before of this person and purpose. */
export async function issueToken(ctx: Context, issued: Issued): Promise<string> {
  const { userId, purpose, email } = issued
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const now = ctx.clock.now()
  const fresh = {
    tokenHash: sha256(token),
    ...{ email, createdAt: now, usedAt: null },
    expiresAt:
      'expiresAt' in issued ? issued.expiresAt : new Date(now.getTime() + LIFE_MS[issued.purpose]),
  }
  await ctx.db
    .insertInto('oneTimeTokens')
    .values({ userId, purpose, ...fresh })
    .onConflict((conflict) => conflict.columns(['userId', 'purpose']).doUpdateSet(fresh))
    .execute()
  return token
}

/**
 * Uses the token up, in the transaction of what it is good for; of two at once, one wins.
 *
 * @throws problem `auth.link_invalid`
 */
export async function useToken(
  ctx: Context,
  purpose: TokenPurpose,
  token: string,
): Promise<Pick<OneTimeTokenRow, 'userId' | 'email'>> {
  const now = ctx.clock.now()
  const used = await ctx.db
    .updateTable('oneTimeTokens')
    .set({ usedAt: now })
    .where('tokenHash', '=', sha256(token))
    .where('purpose', '=', purpose)
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', now)
    .returning(['userId', 'email'])
    .executeTakeFirst()
  if (!used) throw problems.linkInvalid()
  return used
}

/** Whether `useToken` would take it, for a look before expensive work. @throws problem `auth.link_invalid` */
export async function checkToken(
  { db, clock }: Context,
  purpose: TokenPurpose,
  token: string,
): Promise<Pick<OneTimeTokenRow, 'userId'>> {
  const good = await db
    .selectFrom('oneTimeTokens')
    .select('userId')
    .where('tokenHash', '=', sha256(token))
    .where('purpose', '=', purpose)
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', clock.now())
    .executeTakeFirst()
  if (!good) throw problems.linkInvalid()
  return good
}

/** Voids what was mailed to this person for these purposes. */
export async function voidTokens(
  { db }: Context,
  userId: string,
  purposes: readonly TokenPurpose[],
): Promise<void> {
  await db
    .deleteFrom('oneTimeTokens')
    .where('userId', '=', userId)
    .where('purpose', 'in', purposes)
    .execute()
}
